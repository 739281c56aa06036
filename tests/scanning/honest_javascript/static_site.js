const fs = require('fs'); const path = require('path');
const dir = path.join(__dirname, 'data');
for (const name of fs.readdirSync(dir)) {
  const text = fs.readFileSync(path.join(dir, name), 'utf8');
  fs.writeFileSync(path.join('out', name.replace(/\.md$/, '.html')), render(text));
}
