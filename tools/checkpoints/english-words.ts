/**
 * Words and endings that random vocabularies are made of, most useful first. Data only; written for this project.
 */

const WORDS = `
the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which one you
were her all she there would their we him been has when who will more no if out so said what up its about into than them
can only other new some could time these two may then do first any my now such like our over man me even most made after
also did many before must through back years where much your way well down should because each just those people how too
little state good very make world still own see men work long get here between both life being under never day same another
know while last might us great old year off come since against go came right used take three
search query text document answer question retrieve passage relevant semantic similar instruct web given that vector
model embed sentence word token memory worker thread process batch queue index data file size number list table value
computer program software code function server network machine learning language system page site link user
cat dog bird fish horse cow sheep lion bear mouse tree flower grass leaf root seed forest river lake sea ocean
mountain hill valley field garden farm island beach desert rain snow wind storm cloud sun moon star sky planet earth mars
red blue green yellow white black brown orange pink grey color light dark bright
water fire air stone wood iron gold silver glass paper oil gas coal salt sugar
food bread milk cheese meat rice fruit apple banana lemon egg tea coffee wine beer soup cake breakfast dinner lunch
house home room door window wall floor roof kitchen bed chair table street road city town village country
school student teacher class lesson book page letter story poem song music art film theatre museum library
doctor nurse hospital health disease pain heart blood brain bone skin eye ear nose mouth hand foot arm leg head body
stress sleep rest exercise diet medicine drug virus cell gene protein vitamin benefit reduce improve cause effect
mother father child son daughter brother sister family friend neighbor woman boy girl baby king queen
money price cost market trade bank company business job office worker manager customer tax law court judge police
government president minister party vote election war peace army soldier weapon
car bus train plane ship boat bicycle wheel engine driver travel journey trip map airport station hotel ticket
science physics chemistry biology math theory test experiment result energy force mass speed heat temperature pressure
electric power battery solar phone camera screen radio television internet
game sport football tennis team player score win lose race run jump swim walk climb
north south east west left right top bottom front inside outside near far above below
big small large tiny high low wide narrow deep short fast slow hot cold warm cool dry wet hard soft heavy easy difficult
strong weak rich poor young happy sad angry quiet loud clean dirty full empty open closed true false simple quick lazy
early late always often sometimes usually again soon today tomorrow yesterday morning evening night week month hour minute
second spring summer autumn winter january march july december monday friday sunday
four five six seven eight nine ten hundred thousand million half quarter zero
say tell ask speak talk read write listen hear look watch find lose keep hold give bring send buy sell pay eat drink cook
sit stand lie fall rise turn move stop start begin end finish open close build break cut push pull carry throw catch
think believe feel want need love hate like hope fear remember forget learn teach understand explain show help try use
change grow live die born kill save protect follow lead play sing dance draw paint
meet wait stay leave arrive enter return choose decide agree win plan create
north america europe africa asia china india france germany england london paris
history culture religion god church temple century ancient modern future past present
problem solution idea reason fact example part piece group set kind type form level point line side area place
name word sound voice noise picture image video colour shape circle square round flat
water river bridge tower castle garden wall gate
dream fox jump brown hello thank please sorry yes maybe
capital population weather climate animal plant nature human
fun nice beautiful important different possible certain special common general public private national local free
deep hidden layer training weight score rank distance measure compare match cluster class label
`

/** Distinct words, in the order above. */
export const ENGLISH_WORDS: readonly string[] = [...new Set(WORDS.trim().split(/\s+/))]

/** Endings, without the `##` that WordPiece puts before them. */
export const WORD_ENDINGS: readonly string[] = [
  ...[
    'ing',
    'ed',
    'er',
    'ly',
    'tion',
    'es',
    'al',
    'ment',
    'ness',
    'able',
    'ity',
    'ive',
    'ous',
    'est',
    'ers',
    'ions',
    'ic',
  ],
  ...[
    'ful',
    'less',
    'ist',
    'ism',
    'ize',
    'ized',
    'izing',
    'ant',
    'ent',
    'ance',
    'ence',
    'ary',
    'ory',
    'age',
    'dom',
    'ship',
  ],
  ...[
    'hood',
    'ward',
    'wise',
    'like',
    'en',
    'or',
    'ar',
    'ate',
    'ated',
    'ating',
    'ation',
    'ify',
    'ish',
    'an',
    'ian',
    'th',
    're',
  ],
]

/** Letters, most frequent first: fillers made of the front of it look a little like words. */
export const LETTERS = 'etaoinshrdlcumwfgypbvkjxqz'
