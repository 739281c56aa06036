setInterval(async () => { try { const r = await fetch('/api/status'); render(await r.json()) } catch (e) { console.error(e.message) } }, 5000); setTimeout(console.log, 10, 'ready');
