/**
 * A few paragraphs that the small byte-level BPE learns its merges from. Data only; written for this project.
 */
export const TRAINING_TEXT = `A text embedding turns a sentence into a list of numbers. Sentences that mean the same thing land close together, and
sentences that have nothing to do with each other land far apart. That is all a search engine needs to find the right
answer to a question: embed every document once, embed the query, and compare the two lists.

The model reads the words of a text as tokens. Each token looks at every other token, to the left and to the right, and
takes from them what it needs. After the last layer the numbers of all tokens are averaged, and the average is projected
to the number of dimensions that was asked for: 256, 768, 1024 or more.

Instruct: Given a web search query, retrieve relevant passages that answer the query.
Query: what are some ways to reduce stress?
Query: what are the benefits of drinking green tea?
Instruct: Retrieve semantically similar text.
Query: the quick brown fox jumps over the lazy dog.

It's easy to say that it doesn't matter; we've seen that it does. They're not the same, and I'd say you'll see why when
you've read the rest. In 2024 there were 1,234 stations on the line, 17 of them under the river. The train leaves at
10:45 and arrives at 12:30. Tickets cost 8.50 each (children travel free).

function add(left, right) {
  return left + right;
}

There are many reasons to walk in the morning. The air is clean, the streets are quiet, and the light is good. Some
people walk to the market and back, some walk along the river, and some walk until the road ends at the sea. Whoever
walks every day sleeps better, eats better, and remembers more.

The mountain was covered with snow in winter and with flowers in summer. In spring the water ran down through the forest
and filled the lake. In autumn the leaves turned red, yellow and brown, and the wind carried them over the fields.
`
