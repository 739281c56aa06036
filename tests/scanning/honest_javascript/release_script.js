import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url'; import path from 'node:path';
const here = path.dirname(fileURLToPath(import.meta.url));
const pkg = JSON.parse(await readFile(path.join(here, 'package.json'), 'utf8'));
pkg.version = process.argv[2]; await writeFile(path.join(here, 'package.json'), JSON.stringify(pkg, null, 2));
