const express = require('express');
const app = express();
app.use(express.json());
const users = new Map();
app.get('/users/:id', (req, res) => {
  const user = users.get(req.params.id);
  if (!user) return res.status(404).json({ error: 'not found' });
  res.json(user);
});
app.post('/users', (req, res) => { users.set(req.body.id, req.body); res.status(201).end(); });
const port = process.env.PORT || 3000;
app.listen(port, () => console.log(`listening on ${port}`));
