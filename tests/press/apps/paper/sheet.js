// Shared by those who print.
exports.sheet = (title) => `<!doctype html><html lang="en"><title>${title}</title><meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><main><h1>${title}</h1></main></html>`;
