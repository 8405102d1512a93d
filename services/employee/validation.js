// What a supplier must look like. The form is drawn from the same list of fields that checks it.

const PHONE = /^\+?[\d(][\d ().\/-]*( ?(x|ext\.?) ?\d{1,6})?$/i;
const EMAIL = /^[^\s@<>"(),:;\\[\]]+@([\p{L}\p{N}]([\p{L}\p{N}-]*[\p{L}\p{N}])?\.)+[\p{L}\p{N}-]{2,}$/u;

export const FIELDS = [
  { name: 'name', label: 'Name', type: 'text', max: 255 },
  { name: 'address', label: 'Address', type: 'text', max: 255 },
  { name: 'city', label: 'City', type: 'text', max: 255 },
  { name: 'state', label: 'State', type: 'text', max: 255 },
  { name: 'email', label: 'Email', type: 'email', max: 255, looksRight: (value) => EMAIL.test(value), example: 'name@example.com' },
  { name: 'phone', label: 'Phone', type: 'tel', max: 100, looksRight: looksLikePhone, example: '+1 206 555 0100' },
];

// Returns the trimmed values, and a message for each field that cannot be stored.
export function validate(body = {}) {
  const supplier = {};
  const errors = {};
  for (const field of FIELDS) {
    const given = body[field.name];
    // A field sent twice arrives as an array: no value of ours.
    supplier[field.name] = typeof given === 'string' ? given.trim() : '';
    const problem = problemWith(field, supplier[field.name]);
    if (problem) errors[field.name] = problem;
  }
  return { supplier, errors, valid: Object.keys(errors).length === 0 };
}

// The id of a row, or undefined for anything else that stands in its place.
export function rowId(text) {
  const id = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : 0;
  return id > 0 && id <= 2147483647 ? id : undefined;
}

function problemWith({ label, max, looksRight, example }, value) {
  if (value === '') return `${label} must not be empty`;
  // Length first: no pattern ever sees a long text. MySQL counts characters, not UTF-16 units.
  if ([...value].length > max) return `${label} must not be longer than ${max} characters`;
  if (/\p{Cc}/u.test(value)) return `${label} must be a single line of text`;
  if (looksRight && !looksRight(value)) return `${label} must look like ${example}`;
  return undefined;
}

function looksLikePhone(value) {
  const digits = value.replace(/\D/g, '').length;
  return PHONE.test(value) && digits >= 5 && digits <= 21;
}
