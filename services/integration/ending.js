// What a run that breaks off, or is broken off with Ctrl-C, must not leave behind.
const endings = new Set();

process.on('exit', () => {
  for (const end of endings) end();
});
for (const [signal, number] of [['SIGHUP', 1], ['SIGINT', 2], ['SIGTERM', 15]]) process.once(signal, () => process.exit(128 + number));

// `end` cannot wait for anything. Returns how to take it back.
export function atExit(end) {
  endings.add(end);
  return () => endings.delete(end);
}
