// A program of another maker, written against a client that was generated from the API's description: it
// works in an office by a token alone. What the description says of names, types and answers is checked
// when this is compiled; what comes is checked when it runs.
//
// usage: node story.js BASE_URL TOKEN
import { createClient, createConfig } from './api/client';
import * as api from './api';

declare const process: { argv: string[]; exit(code: number): never };

const [baseUrl, token] = process.argv.slice(2) as [string, string];
const client = createClient(
  createConfig<{ baseUrl: string }>({
    baseUrl,
    auth: (asked) => (asked.scheme === 'bearer' ? token : undefined),
  }),
);

function must(holds: unknown, what: string, seen?: unknown): asserts holds {
  if (holds) return;
  console.error(`not so: ${what}`, JSON.stringify(seen));
  process.exit(1);
}

const key = () => ({ 'Idempotency-Key': crypto.randomUUID() });

async function story(): Promise<void> {
  const nobody = await api.list({ client: createClient(createConfig<{ baseUrl: string }>({ baseUrl })) });
  must(nobody.response?.status === 401 && nobody.data === undefined, 'without a token nothing is told', nobody.data);

  const { data: here } = await api.office({ client });
  must(here?.office.name, 'the office has a name', here);
  const { data: catalogue } = await api.procedures({ client });
  const procedure = catalogue?.procedures[0]?.code;
  must(procedure, 'the office has procedures', catalogue);

  // Registering, twice under one key: one dossier; with other content: refused, and the field is named.
  const body: api.NewDossier = {
    procedure,
    applicant: {
      name: 'Trần Thị Mẫu Khách', id_number: '079185001234', birth_date: '1985-03-07', phone: '0901234567',
      address: 'Số 5 đường Lê Lợi', email: '',
    },
    request: 'Xin trích lục',
    papers: [{ name: 'Tờ khai', form: 'original', count: 1 }],
  };
  const headers = key();
  const first = await api.register({ client, body, headers });
  const again = await api.register({ client, body, headers });
  must(first.data?.saved && first.data.id === again.data?.id, 'the same act is done once', [first.error, again.error]);
  const other = await api.register({ client, body: { ...body, request: 'Khác' }, headers });
  must(other.error?.error.code === 'idempotency_mismatch', 'another act under the same key is refused', other.error);
  const id = first.data.id;

  const noted = await api.note({ client, path: { id }, body: { text: 'Từ phần mềm hộ tịch' }, headers: key() });
  must(noted.data?.saved, 'a remark is saved', noted.error);
  const shown = await api.dossier({ client, path: { id } });
  must(shown.data?.applicant.name === body.applicant.name, 'the dossier is as it was sent', shown.data);
  must(shown.data.history.some((event) => event.text_vi.includes('Từ phần mềm hộ tịch')), 'and has the remark', shown.data.history);
  const missing = await api.dossier({ client, path: { id: '0'.repeat(32) } });
  must(missing.error?.error.message_vi, 'what is not there is refused in words', missing.error);

  // Paging: each dossier once, to the end.
  for (let n = 0; n < 4; n++) await api.register({ client, body: { ...body, request: `Số ${n}` }, headers: key(), throwOnError: true });
  const seen = new Set<string>();
  let after: string | undefined;
  do {
    const page: Awaited<ReturnType<typeof api.list<true>>> =
      await api.list({ client, query: { limit: 2, ...(after ? { after } : {}) }, throwOnError: true });
    for (const line of page.data.dossiers) {
      must(!seen.has(line.id), 'no dossier comes twice', line);
      seen.add(line.id);
    }
    after = page.data.next ?? undefined;
  } while (after);
  must(seen.size === 5 && seen.has(id), 'paging comes to all of them', [...seen]);

  // Bytes go in and come out as they are.
  const scan = new Blob(['%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n']);
  const attached = await api.attach({ client, path: { id }, query: { name: 'to-khai.pdf' }, body: scan, headers: key() });
  must(attached.data, 'a scan is attached', attached.error);
  const scans = await api.attachments({ client, path: { id }, throwOnError: true });
  const one = scans.data.attachments[0];
  must(one, 'and listed', scans.data);
  const back = await api.attachment({ client, path: { id, scan: one.id }, parseAs: 'blob', throwOnError: true });
  must((await (back.data as Blob).text()) === (await scan.text()), 'and comes back byte by byte');
  const sheet = await api.form({ client, path: { id, form: 'receipt' }, parseAs: 'text', throwOnError: true });
  must(String(sheet.data).includes(first.data.code), 'the receipt bears the code');

  // Events come by themselves.
  const { stream } = await api.events({ client });
  for await (const event of stream) {
    must(event, 'an event has data');
    break;
  }
  console.log('all of it holds');
}

story().then(() => process.exit(0), (error) => must(false, String(error), error));
