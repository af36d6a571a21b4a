/** Calibration texts that are embedded as queries, so that the models' prompts go through every layer too. */

/** What people type into a search box, from keywords to questions of several sentences. */
export const SEARCH_QUERIES: readonly string[] = [
  'sourdough starter smells of acetone',
  'how do tides work',
  'cheapest way to ship a bicycle abroad',
  'node stream backpressure explained',
  'What is the difference between a patent and a trademark?',
  'symptoms of vitamin B12 deficiency in adults',
  'who invented the zip fastener and when',
  'error ECONNRESET while installing packages behind a proxy',
  'Is it safe to leave a lithium battery charging overnight, and does it make a difference if the phone is in its case?',
  `We have a flat roof from the seventies that leaks in one corner whenever the wind comes from the west. The membrane
looks fine. Where would water usually get in, and how would a roofer look for it?`,
  'wie lange darf man gekochten Reis im Kühlschrank aufbewahren',
  'meilleure période pour planter des tulipes',
  '量子コンピュータ 仕組み わかりやすく',
  'best hiking boots wide feet 2024 -leather under 150€',
]

/** Sentences looked up for others that mean the same. */
export const SIMILARITY_QUERIES: readonly string[] = [
  'The meeting was moved to Thursday.',
  'I would rather walk than wait another hour for the bus.',
  'This product broke after two days and nobody answers my mails.',
  'A function that calls itself needs a case in which it does not.',
  'Der Hund schläft unter dem Tisch.',
  'El precio incluye el desayuno y el traslado desde el aeropuerto.',
  'Поезд опаздывает на двадцать минут.',
  'He denied everything, and then he apologised.',
  'Shares fell sharply after the company lowered its forecast.',
  '我把钥匙忘在办公室了。',
]
