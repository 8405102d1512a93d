// The routes of the customer service: two pages, two probes, 404 for all the rest.
import express from 'express';
import { described, logRequests } from './log.js';
import { assetsFolder, render, renderMessage } from './pages.js';
import { LIST_LIMIT } from './repository.js';
import { securityHeaders } from './security.js';

export function createApp({ repository, log }) {
  const app = express();
  app.use(logRequests(log, ['/health', '/ready']));
  app.use(securityHeaders);

  // For the balancer: says that the process answers. It never asks the database, or one outage would stop every task.
  app.get('/health', (req, res) => res.json({ status: 'ok', service: 'customer' }));

  app.get('/ready', async (req, res) => {
    res.set('Cache-Control', 'no-store');
    try {
      await repository.ping();
      res.json({ status: 'ready' });
    } catch (error) {
      req.log.warn(described(error), 'not ready');
      res.status(503).json({ status: 'unavailable' });
    }
  });

  // Not plain /assets: the path tells which service owns it, whatever rules stand in front.
  app.use('/assets/customer', express.static(assetsFolder, { index: false, redirect: false, maxAge: '1h' }));

  app.use((req, res, next) => {
    res.set('Cache-Control', 'no-cache');
    next();
  });

  app.get('/', (req, res) => render(res, 'home', { title: 'Home', page: 'home' }));

  app.get('/suppliers', async (req, res) => {
    const suppliers = await repository.listSuppliers();
    render(res, 'suppliers', { title: 'Suppliers', page: 'suppliers', suppliers, limit: LIST_LIMIT });
  });

  app.use((req, res) => renderMessage(req, res, 404));

  app.use((error, req, res, next) => {
    const status = error.status >= 400 && error.status < 600 ? error.status : 500;
    if (status >= 500) req.log.error(described(error), 'request failed');
    if (res.headersSent) return next(error);
    renderMessage(req, res, status);
  });

  return app;
}
