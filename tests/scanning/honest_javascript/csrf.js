function getCookie(name) { return document.cookie.split('; ').map(c => c.split('=')).find(([k]) => k === name)?.[1] }
fetch('/api/items', { method: 'POST', headers: { 'X-CSRFToken': getCookie('csrftoken') }, body: JSON.stringify({ a: 1 }) });
