/**
 * A search by meaning: each query shares no word but the most common ones with the passage it is looking for. Chosen
 * before the model was first run on them, and all of them shown, found or not.
 */

/** A query and the place of its passage in {@link PASSAGES}. */
export interface SearchCase {
  readonly query: string
  readonly passage: number
}

/** What is searched. */
export const PASSAGES: readonly string[] = [
  'Boil the pasta for nine minutes, drain it, and toss it with olive oil and garlic.',
  'The physician told her to rest and take the medicine twice a day.',
  'Our train was late because snow had covered the tracks.',
  'He repaired the roof before the autumn rain began.',
  'Stock prices fell sharply after the central bank raised interest rates.',
  'The kitten curled up on the sofa and fell asleep.',
  'To reset your password, open the account page and follow the link in the message.',
  'Astronomers discovered a planet circling a distant star.',
  'The team scored in the last minute and won the championship.',
  'She plays the violin in an orchestra and practises every morning.',
  'The committee will vote on the new law next week.',
  'Dolphins breathe air and nurse their young.',
  'Store the backup on a disk that is kept in another building.',
  'The castle was built in the twelfth century to guard the river.',
  'Children learn to read faster when their parents tell them stories.',
  'Carbon dioxide in the atmosphere traps heat and warms the earth.',
]

/** What is looked for. */
export const SEARCH_CASES: readonly SearchCase[] = [
  { query: 'recipe for an Italian dinner', passage: 0 },
  { query: 'advice from a doctor', passage: 1 },
  { query: 'railway delayed by winter weather', passage: 2 },
  { query: 'fixing a house', passage: 3 },
  { query: 'financial markets', passage: 4 },
  { query: 'a small cat napping', passage: 5 },
  { query: 'I forgot how to log in', passage: 6 },
  { query: 'finding new worlds in space', passage: 7 },
  { query: 'victory in a football game', passage: 8 },
  { query: 'a musician at work', passage: 9 },
  { query: 'politics and legislation', passage: 10 },
  { query: 'marine mammals', passage: 11 },
  { query: 'protecting data against loss', passage: 12 },
  { query: 'medieval fortress', passage: 13 },
  { query: 'education of kids', passage: 14 },
  { query: 'global climate change', passage: 15 },
]
