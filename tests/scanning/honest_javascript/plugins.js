const plugins = fs.readdirSync('./plugins').map(f => require('./plugins/' + f)); const fs = require('fs'); const locale = require(`./locales/${process.env.LANG}.json`);
