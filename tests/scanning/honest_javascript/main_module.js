if (require.main === module) { main().catch(e => { console.error(e); process.exit(1) }) } async function main() { const args = process.argv.slice(2); console.log(args) }
