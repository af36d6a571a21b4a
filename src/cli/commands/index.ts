/** The commands there are. Their code is loaded when they run: `--help` starts no engine. */
import type { CommandSpec } from '../command.js'

const MODEL_OPTIONS = ['config', 'model', 'checkpoint', 'precision', 'device', 'download'] as const
const CALL_OPTIONS = ['task', 'prompt', 'dimensions', 'max-length', 'overflow'] as const
const POOL_OPTIONS = ['memory', 'workers', 'threads'] as const

/** In the order of `--help`. */
export const COMMANDS: readonly CommandSpec[] = [
  {
    name: 'embed',
    usage: '[text…] [--file texts.txt|x.jsonl|-] [-m model | --checkpoint folder] [options]',
    summary: 'Turn texts into vectors',
    details: [
      'Texts are the arguments, or the lines of --file, or what is piped in. In a .txt file each line is a text. In a ' +
        '.jsonl file each line is a string or an object with a "text"; its other keys, such as an "id", are carried into ' +
        'the jsonl output. Input of any length is streamed.',
      'jsonl prints a line per text, in the order of the texts: {"index":0,"embedding":[…],"tokens":7,"truncated":false}. ' +
        'json prints one document. npy is a NumPy array [texts, dimensions].',
      'The encodings are those of sentence-transformers. int8 and uint8 are places in the range of each dimension, which ' +
        'one run takes from texts like yours (--save-ranges) and all others use (--ranges): vectors of different ranges ' +
        'cannot be compared.',
    ],
    arguments: { min: 0, max: Number.POSITIVE_INFINITY, what: 'any number of texts' },
    options: [
      'file',
      'input-format',
      'skip-empty',
      ...MODEL_OPTIONS,
      ...CALL_OPTIONS,
      'no-normalize',
      'encoding',
      'ranges',
      'save-ranges',
      'format',
      'out',
      ...POOL_OPTIONS,
    ],
    meanings: { out: 'write to this file instead of standard output', json: 'the same as --format json; errors too' },
    examples: [
      'embed "How do I reset my password?" --task s2p_query',
      'embed --file texts.txt --out vectors.npy --format npy',
      'embed -m stella-en-400m-v5 --dimensions 256 --download "a text"',
      'embed --checkpoint ./my-fine-tune --file docs.jsonl > vectors.jsonl',
      'embed --file sample.txt --save-ranges ranges.json --out sample.jsonl',
      'embed --file texts.txt --encoding int8 --ranges ranges.json --format npy --out codes.npy',
    ],
    load: async () => (await import('./embed.js')).run,
  },
  {
    name: 'similarity',
    usage: '<text> <text> [-m model | --checkpoint folder] [options]',
    summary: 'Print how alike two texts are, from -1 to 1',
    details: [
      'The cosine of their vectors. Both texts get the same prompt: by default that of s2s_query, the task for sentences ' +
        'that stand side by side. --task document compares them without a prompt.',
    ],
    arguments: { min: 2, max: 2, what: 'two texts' },
    options: [...MODEL_OPTIONS, ...CALL_OPTIONS, ...POOL_OPTIONS],
    meanings: { task: 's2p_query, s2s_query or document, for both texts (default: s2s_query)' },
    examples: ['similarity "A cat sits outside." "A dog plays in the garden."'],
    load: async () => (await import('./similarity.js')).run,
  },
  {
    name: 'evaluate',
    usage: '<pairs.jsonl|pairs.csv|-> [--report out.html] [--out scores.jsonl|scores.csv] [options]',
    summary: 'Score pairs of texts by how alike they are, and report',
    details: [
      'A line of a .jsonl file is an object with the two texts and, where there is one, an id: {"id":"a","groundTruth":' +
        '"…","prediction":"…"}. A .csv file has a header with these names; fields with delimiters, quotation marks or ' +
        'line ends in them are quoted. Files of any length are streamed.',
      'Scores are written in the order of the pairs, to standard output or to --out. normalizedCosine is (cosine + 1) / 2. ' +
        'A csv result puts an apostrophe before texts that a spreadsheet would run as a formula; jsonl has them as they are.',
      'A line that holds no pair, and a pair that cannot be compared, is a failed pair with its error and no score; the ' +
        'others go on. The exit code is 1 where a pair failed. What was found is summed up on standard error, or with ' +
        '--json as a document: on standard output where --out takes the scores, else on standard error.',
    ],
    arguments: { min: 1, max: 1, what: 'one file of pairs, or - for standard input' },
    options: [
      'pairs-format',
      'delimiter',
      'ground-truth-field',
      'prediction-field',
      'id-field',
      ...MODEL_OPTIONS,
      'task',
      'prompt',
      'dimensions',
      'max-length',
      'scores-format',
      'texts',
      'out',
      'report-file',
      ...POOL_OPTIONS,
    ],
    meanings: {
      task: 's2p_query, s2s_query or document, for both texts (default: s2s_query)',
      out: 'write the scores to this file instead of standard output',
      json: 'print the summary, and errors, as JSON',
    },
    examples: [
      'evaluate pairs.jsonl --report report.html --out scores.jsonl',
      'evaluate answers.csv --delimiter semicolon --prediction-field answer',
      'evaluate - -m stella-en-400m-v5 --format csv < pairs.jsonl > scores.csv',
    ],
    load: async () => (await import('./evaluate.js')).run,
  },
  {
    name: 'models',
    usage: '',
    summary: 'List the models, and what of them is on this machine',
    details: [],
    arguments: { min: 0, max: 0, what: 'no arguments' },
    options: [],
    examples: ['models', 'models --json'],
    load: async () => (await import('./models.js')).run,
  },
  {
    name: 'plan',
    usage: '<model…> [--memory 4GB] [--workers n] [--threads n] [--precision auto|fp32|int8|int4] [--max-length n]',
    summary: 'Show how models would be run in so much memory, or why they would not',
    details: [
      'Prints workers × threads × tokens of a batch, and what they take: shared + process + workers × (weights + scratch + thread). ' +
        'The sizes are those of the artefact, where there is one on this machine, else an estimate. Nothing is loaded.',
      'Several models are planned one after another under one budget, as a pool that loads them in this order. Where one ' +
        'does not fit, the exit code is 1, and what would fit instead is printed: each of these has been planned, too.',
    ],
    arguments: { min: 1, max: Number.POSITIVE_INFINITY, what: 'at least one model or checkpoint folder' },
    options: [...POOL_OPTIONS, 'precision', 'max-length'],
    examples: ['plan stella-en-400m-v5 --memory 4GB', 'plan stella-en-400m-v5 stella-en-1.5b-v5 --memory 6GB --json'],
    load: async () => (await import('./plan.js')).run,
  },
  {
    name: 'pull',
    usage: '<model> [--dims 1024,256] [--precision auto|fp32|int8|int4] [--no-convert]',
    summary: 'Download a model and convert it, so that it is ready',
    details: [
      'Files go into the Hugging Face cache, which Python uses too; a download that was cut short is resumed. Only the ' +
        'heads asked for are fetched. Where the hub cannot be reached, the message says which files to copy where.',
    ],
    arguments: { min: 1, max: 1, what: 'one model: a key or a Hugging Face id' },
    options: ['dims', 'precision', 'no-convert'],
    examples: ['pull stella-en-400m-v5', 'pull NovaSearch/stella_en_1.5B_v5 --dims 1024,256'],
    load: async () => (await import('./pull.js')).run,
  },
  {
    name: 'convert',
    usage:
      '<folder|model> [--precision auto|fp32|int8|int4] [--out folder] [--dims 1024,256] [--calibration file] [--report] [--force]',
    summary: 'Convert a checkpoint for this engine',
    details: [
      'The checkpoint is a folder in the Hugging Face layout, or a model that was downloaded. Without --out the result ' +
        'goes where `stella embed` looks for it. With --out it is put in exactly that folder, which must not exist, or be ' +
        'empty; --force replaces it if it is an artefact, and never anything else.',
      'int8 and int4 are calibrated on texts, compared with fp32 on others, and refused at load where they stray too far. ' +
        'That runs the model for a minute or several; --report prints what came of it.',
    ],
    arguments: { min: 1, max: 1, what: 'one checkpoint folder or model' },
    options: ['precision', 'out', 'dims', 'calibration', 'report', 'force', 'download'],
    meanings: {
      out: 'folder for the result',
      dims: 'heads to convert, by their dimensions (default: all that are there)',
    },
    examples: ['convert ./my-fine-tune', 'convert stella-en-400m-v5 --out ./artefact'],
    load: async () => (await import('./convert.js')).run,
  },
  {
    name: 'verify',
    usage: '<model|folder> [--precision auto|fp32|int8|int4] [--threads n]',
    summary: 'Check a converted model: its files, its arithmetic, and published numbers',
    details: [
      'Hashes every file of the artefact, embeds texts alone, together and twice, and, for the real weights of the Stella ' +
        'models, compares vectors and similarities with what others published. The folder may be an artefact or a ' +
        'checkpoint; a checkpoint is converted first.',
    ],
    arguments: { min: 1, max: 1, what: 'one model or folder' },
    options: ['precision', 'threads', 'download'],
    examples: ['verify stella-nano', 'verify stella-en-400m-v5 --json'],
    load: async () => (await import('./verify.js')).run,
  },
  {
    name: 'doctor',
    usage: '[model…] [--verify]',
    summary: 'Look for what is wrong with this machine, its settings and its converted models',
    details: [
      'Each finding is ok, a note, a warning or a problem, and says what to do about it. Everything that may crash or hang ' +
        'is looked at by a process of its own, with a time limit. Without models those of this machine are looked at; ' +
        '--verify hashes their files, too. Nothing is repaired, and no request is made.',
      'The exit code is 1 where there is a problem. --json prints one document: healthy, counts, and findings, each with ' +
        'id, subject, status, summary, advice and facts. The ids, such as engine.load, stay as they are.',
    ],
    arguments: { min: 0, max: Number.POSITIVE_INFINITY, what: 'any number of models' },
    options: ['verify'],
    diagnoses: true,
    examples: ['doctor', 'doctor stella-en-400m-v5 --verify', 'doctor --json'],
    load: async () => (await import('./doctor.js')).run,
  },
  {
    name: 'init',
    usage: '[path] [--format yaml|json] [--force] | [path] --show',
    summary: 'Write a configuration file that explains every key',
    details: [
      'Without a path it is stella.config.yaml in the current folder. Every key is there with its meaning, its default and ' +
        'what is accepted, commented out; JSON has no comments, and gets the defaults. A file that is there is left alone.',
      'No command looks for this file by itself: name it with --config, or in STELLA_CONFIG.',
      '--show prints every key of a file with its value and where that comes from: the file, a variable, or the default.',
    ],
    arguments: { min: 0, max: 1, what: 'at most one path' },
    options: ['config-format', 'force', 'show'],
    meanings: { force: 'replace a file that is there' },
    examples: ['init', 'init settings/embedding.json', 'init --show stella.config.yaml'],
    load: async () => (await import('./init.js')).run,
  },
]
