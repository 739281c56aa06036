while (true) { const line = await rl.question('> '); if (line === 'exit') break; console.log(await handle(line)) }
