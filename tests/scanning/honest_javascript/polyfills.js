if (!Array.prototype.includes) { Object.defineProperty(Array.prototype, 'includes', { value: function (x) { return this.indexOf(x) !== -1 } }) }
if (!Object.entries) Object.entries = o => Object.keys(o).map(k => [k, o[k]]);
if (typeof Object.assign !== 'function') { Object.assign = function (t) { return t } }
String.prototype.trimEnd = String.prototype.trimEnd || function () { return this.replace(/\s+$/, '') };
