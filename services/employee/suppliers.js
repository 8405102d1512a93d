// The pages about suppliers. Every write ends in a redirect to the list, so that a reload repeats nothing.
import express from 'express';
import { checkToken, issueToken } from './csrf.js';
import { leaveNotice, takeNotice } from './notice.js';
import { render } from './pages.js';
import { LIST_LIMIT } from './repository.js';
import { FIELDS, rowId, validate } from './validation.js';

export function suppliersRouter(repository) {
  const router = express.Router();
  const written = [express.urlencoded({ extended: false, limit: '32kb', parameterLimit: 50 }), checkToken];
  const toList = (req, res, done) => {
    leaveNotice(req, res, done);
    res.redirect(303, '/admin/suppliers');
  };

  router.get('/suppliers', async (req, res) => {
    const suppliers = await repository.listSuppliers();
    const notice = takeNotice(req, res);
    render(res, 'suppliers', { title: 'Suppliers', page: 'suppliers', notice, suppliers, limit: LIST_LIMIT });
  });

  router.get('/supplier-add', issueToken, (req, res) => renderForm(res, {}));

  router.post('/supplier-add', written, async (req, res) => {
    const { supplier, errors, valid } = validate(req.body);
    if (!valid) return renderForm(res.status(422), { supplier, errors });
    await repository.addSupplier(supplier);
    toList(req, res, 'added');
  });

  router.get('/supplier-update/:id', issueToken, async (req, res, next) => {
    const id = rowId(req.params.id);
    const supplier = id && (await repository.findSupplier(id));
    if (!supplier) return next();
    renderForm(res, { id, supplier });
  });

  router.post('/supplier-update', written, async (req, res, next) => {
    const id = rowId(req.body.id);
    if (!id) return next();
    const { supplier, errors, valid } = validate(req.body);
    if (!valid) return renderForm(res.status(422), { id, supplier, errors });
    if (!(await repository.updateSupplier(id, supplier))) return next();
    toList(req, res, 'changed');
  });

  // Whoever removes what somebody else has just removed got what they wanted.
  router.post('/supplier-remove/:id', written, async (req, res, next) => {
    const id = rowId(req.params.id);
    if (!id) return next();
    await repository.removeSupplier(id);
    toList(req, res, 'removed');
  });

  return router;
}

function renderForm(res, { id, supplier = {}, errors = {} }) {
  const page = id ? '' : 'supplier-add';
  const title = id ? 'Edit supplier' : 'Add a supplier';
  // The first thing that a screen reader says of a page is its title.
  const tab = Object.keys(errors).length > 0 ? `Error: ${title}` : title;
  render(res, 'form', { title, tab, page, id, supplier, errors, fields: FIELDS, csrf: res.locals.csrf });
}
