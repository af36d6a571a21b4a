/** The files of a Stella checkpoint in the Hugging Face layout. */
import type { CheckpointFileInfo, HeadInfo } from './types.js'

/** Files of every checkpoint besides the weights and the heads. */
export const CHECKPOINT_FILES = [
  { path: 'config.json' },
  { path: 'modules.json' },
  { path: 'config_sentence_transformers.json' },
  { path: 'sentence_bert_config.json' },
  { path: '1_Pooling/config.json' },
  { path: 'tokenizer.json' },
  { path: 'tokenizer_config.json' },
] as const satisfies readonly CheckpointFileInfo[]

/** The heads both Stella models publish. The cards mention 512, for which no folder exists. */
export const STELLA_HEADS = [256, 768, 1024, 2048, 4096, 6144, 8192].map(headOf)

/** The head of so many dimensions, in the folder sentence-transformers gives it. */
export function headOf(dimensions: number): HeadInfo {
  return { dimensions, folder: `2_Dense_${dimensions}` }
}

/** Files of one head. */
export function headFiles(head: HeadInfo): readonly CheckpointFileInfo[] {
  return [{ path: `${head.folder}/config.json` }, { path: `${head.folder}/model.safetensors` }]
}
