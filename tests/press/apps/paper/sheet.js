// Shared by those who print.
exports.sheet = (title) => `<!doctype html><html lang="en"><title>${title}</title><main><h1>${title}</h1></main></html>`;
