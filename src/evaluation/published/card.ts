/** The example that both model cards share: two questions, two answers, and their cosines. */
import type { PublishedCheck } from './check.js'
import { compareTable } from './check.js'

const QUERIES = ['What are some ways to reduce stress?', 'What are the benefits of drinking green tea?']

const DOCUMENTS = [
  'There are many effective ways to reduce stress. Some common techniques include deep breathing, meditation, and physical activity. Engaging in hobbies, spending time in nature, and connecting with loved ones can also help alleviate stress. Additionally, setting boundaries, practicing self-care, and learning to say no can prevent stress from building up.',
  'Green tea has been consumed for centuries and is known for its potential health benefits. It contains antioxidants that may help protect the body against damage caused by free radicals. Regular consumption of green tea has been associated with improved heart health, enhanced cognitive function, and a reduced risk of certain types of cancer. The polyphenols in green tea may also have anti-inflammatory and weight loss properties.',
]

/** The cards print four digits. candle's example repeats them to within 0.00005 in fp32. */
const TOLERANCE = 0.001

/** The head that `modules.json` wires in, which the cards were computed with. */
const DIMENSIONS = 1024

/** The card's example, for the model whose card shows these cosines: `[2 queries, 2 documents]`. */
export function cardCheck(repo: string, expected: readonly (readonly number[])[]): PublishedCheck {
  return {
    name: 'similarities on the model card',
    source: `https://huggingface.co/${repo}, README, usage`,
    dimensions: DIMENSIONS,
    run: (embed) =>
      compareTable(embed, {
        queries: QUERIES,
        task: 's2p_query',
        documents: DOCUMENTS,
        dimensions: DIMENSIONS,
        expected,
        tolerance: TOLERANCE,
      }),
  }
}
