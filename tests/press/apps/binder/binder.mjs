// Takes jobs from its queue, and binds a book for each. What it does not understand it leaves: after some times SQS puts it aside.
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { pool } from './database.mjs';

const QueueUrl = process.env.QUEUE_URL;
const sqs = new SQSClient();
const books = pool();
const ending = new AbortController();
process.on('SIGTERM', () => ending.abort());

const work = async ({ Body, ReceiptHandle }) => {
  const { title } = JSON.parse(Body);
  if (typeof title !== 'string') throw new Error(`no title in ${Body}`);
  await books.query('INSERT INTO books (title) VALUES ($1) ON CONFLICT DO NOTHING', [title]);
  await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
  console.log(`bound ${title}`);
};

console.log('waiting for jobs');
while (!ending.signal.aborted) {
  try {
    const asked = new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 });
    const { Messages = [] } = await sqs.send(asked, { abortSignal: ending.signal });
    for (const message of Messages) await work(message).catch((error) => console.error(error.message));
  } catch (error) {
    if (!ending.signal.aborted) console.error(error.message);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
await books.end();
