// The routes of the employee service. All of them are under /admin: the rest of the site belongs to others.
import express from 'express';
import { described, logRequests } from './log.js';
import { assetsFolder, render, renderMessage } from './pages.js';
import { securityHeaders } from './security.js';
import { suppliersRouter } from './suppliers.js';

export function createApp({ repository, log }) {
  const app = express();
  app.use(logRequests(log, ['/admin/health', '/admin/ready']));
  app.use(securityHeaders);

  // For the balancer: says that the process answers. It never asks the database, or one outage would stop every task.
  app.get('/admin/health', (req, res) => res.json({ status: 'ok', service: 'employee' }));

  app.get('/admin/ready', async (req, res) => {
    res.set('Cache-Control', 'no-store');
    try {
      await repository.ping();
      res.json({ status: 'ready' });
    } catch (error) {
      req.log.warn(described(error), 'not ready');
      res.status(503).json({ status: 'unavailable' });
    }
  });

  app.use('/admin/assets', express.static(assetsFolder, { index: false, redirect: false, maxAge: '1h' }));

  app.use((req, res, next) => {
    res.set('Cache-Control', 'no-store');
    next();
  });

  app.get('/admin', (req, res) => render(res, 'home', { title: 'Home', page: 'home' }));
  app.use('/admin', suppliersRouter(repository));

  app.use((req, res) => renderMessage(req, res, 404));

  app.use((error, req, res, next) => {
    const status = error.status >= 400 && error.status < 600 ? error.status : 500;
    if (status >= 500) req.log.error(described(error), 'request failed');
    if (res.headersSent) return next(error);
    renderMessage(req, res, status);
  });

  return app;
}
