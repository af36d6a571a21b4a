/**
 * Probe texts in families: near-paraphrases, statements of the same subject, the question they answer, and another
 * language or form. A text's nearest ones are then its family, in an order that fine differences decide.
 */
import type { TaskText } from '../task-text.js'

/** Texts about one subject. */
export interface ProbeFamily {
  readonly subject: string
  readonly texts: readonly TaskText[]
}

/** Six subjects of eight texts. */
export const FAMILIES: readonly ProbeFamily[] = [
  {
    subject: 'a phone that charges slowly',
    texts: [
      { task: 'document', text: 'My phone takes all night to charge since the last update.' },
      { task: 'document', text: 'Ever since I installed the latest update, charging the phone takes the whole night.' },
      { task: 'document', text: 'After updating, my telephone needs until morning before its battery is full.' },
      { task: 'document', text: 'My phone charges within an hour since the last update.' },
      {
        task: 'document',
        text: 'Lint in the charging port is the usual reason for slow charging: switch the phone off and clean the port with a wooden toothpick, never with metal.',
      },
      { task: 'document', text: 'Seit dem letzten Update lädt mein Handy die ganze Nacht.' },
      { task: 's2p_query', text: 'why does my phone charge so slowly after an update' },
      {
        task: 'document',
        text: '{"device":"phone","event":"charge","from_percent":11,"to_percent":100,"duration_min":512,"charger_watts":5}',
      },
    ],
  },
  {
    subject: 'a central bank that raises its rate',
    texts: [
      {
        task: 'document',
        text: 'The central bank raised its key interest rate by half a percentage point on Thursday.',
      },
      { task: 'document', text: 'On Thursday the monetary authority lifted the benchmark rate by 50 basis points.' },
      { task: 'document', text: 'Interest rates went up by 0.5 points on Thursday, the central bank announced.' },
      { task: 'document', text: 'The central bank cut its key interest rate by half a percentage point on Thursday.' },
      {
        task: 'document',
        text: 'Mortgage lenders passed the increase on within days. A household with a floating rate and twenty years to go pays about ninety euros more a month, while savers have yet to see a difference on their accounts.',
      },
      { task: 'document', text: "La banque centrale a relevé jeudi son taux directeur d'un demi-point." },
      { task: 's2p_query', text: 'How much did the central bank change the interest rate this week?' },
      {
        task: 'document',
        text: 'date,rate_before,rate_after\n2023-03-16,3.00,3.50\n2023-05-04,3.50,3.75\n2023-06-15,3.75,4.00',
      },
    ],
  },
  {
    subject: 'a deadlock between two transactions',
    texts: [
      { task: 'document', text: 'Two transactions wait for each other, so the database ends one of them.' },
      { task: 'document', text: 'When each of two transactions holds what the other needs, the server aborts one.' },
      { task: 'document', text: 'The database kills one of two transactions that block one another.' },
      {
        task: 'document',
        text: 'Lock the rows in the same order everywhere, for example by ascending id, and keep transactions short; then no cycle of waiting can come about.',
      },
      {
        task: 'document',
        text: 'BEGIN;\nSELECT id, balance FROM accounts WHERE id IN (3, 8) ORDER BY id FOR UPDATE;\nUPDATE accounts SET balance = balance - 40 WHERE id = 3;\nUPDATE accounts SET balance = balance + 40 WHERE id = 8;\nCOMMIT;',
      },
      {
        task: 'document',
        text: '2024-02-11 09:41:07 UTC [2213] ERROR:  deadlock detected\n2024-02-11 09:41:07 UTC [2213] DETAIL:  Process 2213 waits for ShareLock on transaction 88102; blocked by process 2219.',
      },
      { task: 's2p_query', text: 'how to avoid deadlocks in sql transactions' },
      { task: 'document', text: '两个事务互相等待对方释放锁时，数据库会终止其中一个。' },
    ],
  },
  {
    subject: 'a child with a fever',
    texts: [
      { task: 'document', text: 'Our three-year-old has had a temperature of 39 degrees since yesterday evening.' },
      { task: 'document', text: 'Since last night our daughter, who is three, has been running a fever of 39.' },
      { task: 'document', text: 'The toddler has been feverish, 39 °C, from yesterday evening on.' },
      { task: 'document', text: 'Our three-year-old has had no temperature since yesterday evening.' },
      {
        task: 'document',
        text: 'In children over six months fever as such does no harm. See a doctor if it lasts longer than three days, if the child drinks little or will not wake properly, or if a rash appears that does not fade under a glass.',
      },
      {
        task: 'document',
        text: 'Paracetamol suspension 120 mg/5 ml. Children 2–4 years: 7.5 ml every four to six hours, no more than four doses in 24 hours.',
      },
      { task: 's2p_query', text: 'when should I take a toddler with fever to the doctor' },
      { task: 'document', text: 'Desde anoche nuestra hija de tres años tiene 39 de fiebre.' },
    ],
  },
  {
    subject: 'tomatoes that split',
    texts: [
      { task: 'document', text: 'Tomatoes split when heavy watering follows a dry spell.' },
      { task: 'document', text: 'A lot of water after a drought makes tomatoes crack.' },
      { task: 'document', text: 'If the soil dries out and is then soaked, the skins of tomatoes burst.' },
      { task: 's2s_query', text: 'Tomatoes burst when they get much water after dry days.' },
      {
        task: 'document',
        text: 'Water in the morning, at the root, and evenly: two deep waterings a week are better than a little every day. A mulch of straw keeps the moisture in the soil and spares the fruit the change from dry to wet.',
      },
      { task: 'document', text: 'Peppers drop their flowers when nights are colder than twelve degrees.' },
      { task: 's2p_query', text: 'tomato skin cracking cause' },
      { task: 'document', text: 'Помидоры трескаются, если после засухи их обильно полить.' },
    ],
  },
  {
    subject: 'an order that does not arrive',
    texts: [
      { task: 'document', text: 'I ordered a kettle three weeks ago and it still has not come.' },
      { task: 'document', text: 'The kettle that I bought three weeks ago has not been delivered yet.' },
      { task: 's2s_query', text: 'Three weeks after my order there is no sign of the kettle.' },
      { task: 'document', text: 'The kettle I ordered came after three days, well packed, and it is very quiet.' },
      {
        task: 'document',
        text: 'Delivery takes two to four working days. If an item has not arrived after ten, we will send it again or return your money, as you prefer; please have the number of your order at hand.',
      },
      {
        task: 'document',
        text: 'WHERE IS MY ORDER??? 3 WEEKS!!! NOBODY PICKS UP THE PHONE. I WANT MY MONEY BACK 😡😡',
      },
      { task: 's2p_query', text: 'parcel not delivered after three weeks refund' },
      { task: 'document', text: '三週間前に注文したやかんがまだ届きません。' },
    ],
  },
]
