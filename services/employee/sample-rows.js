// Invented suppliers for a first look; example.com and 555-01xx belong to nobody.
export const sampleRows = [
  ['Amber Roasters', '12 Harbour Street', 'Portland', 'Oregon', 'hello@amber.example.com', '+1 503 555 0110'],
  ["Zoë's Café & Söhne", 'Limmatquai 4', 'Zürich', 'ZH', 'zoe@soehne.example.com', '+41 44 555 01 12'],
  ['Highland Beans', 'Carrera 7 # 71-21', 'Bogotá', 'Cundinamarca', 'ventas@highland.example.com', '+57 601 555 0113'],
];
