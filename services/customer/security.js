// Response headers. Pages have no script at all, and nothing but their own style sheet and icon.
import helmet from 'helmet';

export const securityHeaders = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'"],
      formAction: ["'self'"],
      baseUri: ["'none'"],
      frameAncestors: ["'none'"],
    },
  },
  // 'no-referrer' would make browsers send "Origin: null" with every form.
  referrerPolicy: { policy: 'same-origin' },
  // For the owner of the domain to decide, at the listener: a plain test listener shares the host name.
  strictTransportSecurity: false,
  // Browsers ignore these two on plain HTTP, each time with a warning in the console.
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
});
