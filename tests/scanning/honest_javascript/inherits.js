const EventEmitter = require('events'); const util = require('util');
function Stream() { EventEmitter.call(this) } util.inherits(Stream, EventEmitter);
Stream.prototype.write = function (data) { this.emit('data', data); return true };
Stream.prototype.constructor = Stream;
module.exports = Stream;
