/** The two query prompts of the Stella v5 models, letter for letter as their `config_sentence_transformers.json`. */
import type { PromptInfo } from './types.js'

/** Both end in one space. Documents take no prompt. */
export const STELLA_PROMPTS = {
  s2p_query: 'Instruct: Given a web search query, retrieve relevant passages that answer the query.\nQuery: ',
  s2s_query: 'Instruct: Retrieve semantically similar text.\nQuery: ',
  document: '',
} as const satisfies PromptInfo
