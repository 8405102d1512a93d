// JSON lines on stdout, and one line per request that carries the request's id.
import { randomUUID } from 'node:crypto';
import pino from 'pino';

export function createLog(service) {
  const options = {
    base: { service },
    level: process.env.LOG_LEVEL || 'info',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  };
  // Written at once: with pino's own default the last lines before process.exit() may get lost.
  return pino(options, pino.destination({ dest: 1, sync: true }));
}

// Health checks arrive several times a minute for ever, so those in `quiet` are logged at debug only.
export function logRequests(log, quiet) {
  return (req, res, next) => {
    const started = process.hrtime.bigint();
    req.id = requestId(req.get('x-amzn-trace-id'));
    req.log = log.child({ requestId: req.id });
    res.set('X-Request-Id', req.id);
    const path = req.path;
    res.on('close', () => {
      const ms = Number((process.hrtime.bigint() - started) / 1000n) / 1000;
      const level = quiet.includes(path) ? 'debug' : 'info';
      req.log[level]({ method: req.method, path, status: res.statusCode, finished: res.writableFinished, ms }, 'request');
    });
    next();
  };
}

// The balancer's trace id joins our lines with its access log; whatever does not look like one is not echoed.
function requestId(traceId) {
  return /^[\w=;:.-]{1,128}$/.test(traceId ?? '') ? traceId : randomUUID();
}

// A driver's error object also carries the statement, so only these two fields are ever logged.
export const described = ({ code, message }) => ({ code, message });
