// The page "Restorer" of Airflow's UI: a React component, with the React, the router and the Chakra UI that Airflow has loaded.
const { createElement: h, useEffect, useState } = globalThis.React;
const { Link } = globalThis.ReactRouterDOM;
const { Alert, Badge, Box, Button, Card, Heading, HStack, Input, NativeSelect, SimpleGrid, Stack, Table, Text } = globalThis.ChakraUI;

const COLOURS = { promoted: "green", declined: "orange", "rolled back": "purple", quiet: "green", over: "red" };
const share = (value) => (value == null ? "–" : `${(100 * value).toFixed(1)}%`);
const count = (value) => (value == null ? "–" : value.toLocaleString("en"));
const moment = (text) => text.slice(0, 16).replace("T", " ");

/** Ask Airflow or the plugin, as the user who has opened the page. Throws an Error with the answer's own words. */
async function ask(path, body) {
  const response = await fetch(new URL(path, document.baseURI), {
    method: body ? "POST" : "GET",
    headers: body ? { "Content-Type": "application/json" } : {},
    body: body && JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) {
    const detail = answer.detail ?? answer;
    throw new Error(typeof detail === "string" ? detail : JSON.stringify(detail));
  }
  return answer;
}

function Notice({ status, children }) {
  return h(Alert.Root, { status }, h(Alert.Indicator), h(Alert.Content, null, h(Alert.Description, null, children)));
}

function Section({ title, children }) {
  return h(Card.Root, null, h(Card.Header, null, h(Heading, { size: "md", as: "h2" }, title)), h(Card.Body, null, children));
}

function Label({ of: text }) {
  return h(Badge, { colorPalette: COLOURS[text] ?? "gray" }, text);
}

function To({ path, size, children }) {
  return h(Text, { asChild: true, color: "fg.info", fontSize: size }, h(Link, { to: path }, children));
}

function Options({ choice, value, onChoice }) {
  const options = choice.options.map((option) => h("option", { key: option, value: option }, option));
  return h(NativeSelect.Root, { size: "sm", width: "auto" },
    h(NativeSelect.Field, { "aria-label": choice.label, value, onChange: (event) => onChoice(event.target.value) },
      h("option", { value: "" }, `the configuration's ${choice.label}`), options),
    h(NativeSelect.Indicator));
}

/** `columns` are pairs of a heading and what makes a row's cell. */
function Rows({ columns, rows, name, empty }) {
  if (rows.length === 0) return h(Text, { color: "fg.muted" }, empty);
  const head = columns.map(([title]) => h(Table.ColumnHeader, { key: title }, title));
  const body = rows.map((row) =>
    h(Table.Row, { key: name(row) }, columns.map(([title, cell]) => h(Table.Cell, { key: title }, cell(row)))));
  return h(Box, { overflowX: "auto" },
    h(Table.Root, { size: "sm" }, h(Table.Header, null, h(Table.Row, null, head)), h(Table.Body, null, body)));
}

function Champion({ champion }) {
  if (!champion) return h(Text, null, "There is no champion yet. Start “Train anew” below.");
  return h(Stack, null,
    h(Text, null, h("b", null, `Version ${champion.version}`), `, promoted on ${moment(champion.decided)} UTC:`),
    h("ul", { style: { paddingInlineStart: "1.2rem" } }, champion.reasons.map((reason) => h("li", { key: reason }, reason))));
}

const DECISIONS = [
  ["No.", (entry) => entry.number],
  ["Decided (UTC)", (entry) => moment(entry.decided)],
  ["Decision", (entry) => h(Label, { of: entry.action })],
  ["Version", (entry) => entry.version],
  ["Because", (entry) => entry.reasons.join("; ")],
  ["Trained because", (entry) => entry.trained_because.join("; ") || "–"],
];

const DAYS = [
  ["Day", (day) => day.day],
  ["Model", (day) => day.model_version ?? "–"],
  ["Records", (day) => count(day.records)],
  ["Changed", (day) => share(day.changed)],
  ["Rejected", (day) => count(day.rejected)],
  ["Drift", (day) => h(HStack, null, day.drift ? h(Label, { of: day.drift }) : "–", day.alarm && h(Badge, { colorPalette: "red" }, "alarm"))],
  ["Readers", (day) => (day.judged_changes == null ? "–" : `${day.accepted} of ${day.judged_changes} changes accepted`)],
];

/** A DAG's form: a day where it takes one, its choices, a button, and what became of the run that was asked for. */
function Order({ action }) {
  const [day, setDay] = useState("");
  const [conf, setConf] = useState({});
  const [outcome, setOutcome] = useState(null);
  const [busy, setBusy] = useState(false);

  async function start(event) {
    event.preventDefault();
    setBusy(true);
    try {
      const chosen = Object.fromEntries(Object.entries(conf).filter(([, value]) => value !== ""));
      const wanted = { logical_date: null, conf: chosen, ...(day && { partition_key: day }) };
      const run = await ask(`api/v2/dags/${action.dag_id}/dagRuns`, wanted);
      const dag = await ask(`api/v2/dags/${action.dag_id}`);
      setOutcome({ run: run.dag_run_id, paused: dag.is_paused });
    } catch (error) {
      setOutcome({ failure: error.message });
    } finally {
      setBusy(false);
    }
  }

  return h("form", { onSubmit: start, "aria-label": action.title }, h(Stack, { gap: 2 },
    h(HStack, { wrap: "wrap", justify: "space-between" },
      h(Stack, { gap: 0 },
        h(Text, { fontWeight: "semibold" }, action.title),
        h(To, { path: `/dags/${action.dag_id}`, size: "sm" }, action.dag_id)),
      h(HStack, null,
        action.day && h(Input, {
          type: "date", size: "sm", width: "auto", "aria-label": "day", value: day, onChange: (event) => setDay(event.target.value),
        }),
        action.choices.map((choice) => h(Options, {
          key: choice.param, choice, value: conf[choice.param] ?? "", onChoice: (value) => setConf({ ...conf, [choice.param]: value }),
        })),
        h(Button, { type: "submit", size: "sm", loading: busy }, "Start"))),
    outcome?.failure && h(Notice, { status: "error" }, outcome.failure),
    outcome?.run && h(Notice, { status: outcome.paused ? "warning" : "success" },
      h(To, { path: `/dags/${action.dag_id}/runs/${outcome.run}` }, outcome.run),
      outcome.paused ? " waits: the DAG is paused." : " is queued.")));
}

function Restorer() {
  const [answer, setAnswer] = useState(null);
  const [failure, setFailure] = useState(null);
  useEffect(() => {
    ask("mendel/state").then(setAnswer, (error) => setFailure(error.message));
  }, []);
  if (failure) return h(Notice, { status: "error" }, failure);
  if (!answer) return h(Text, null, "Reading the lake …");
  const { state, actions } = answer;
  return h(Stack, { gap: 4, padding: 4 },
    h(Heading, { as: "h1" }, "Restorer"),
    h(SimpleGrid, { columns: { base: 1, xl: 2 }, gap: 4 },
      h(Section, { title: "Champion" }, h(Champion, { champion: state.champion })),
      h(Section, { title: "Start" }, h(Stack, { gap: 3 },
        actions.map((action) => h(Order, { key: action.dag_id, action }))))),
    h(Section, { title: "Days" },
      h(Rows, { columns: DAYS, rows: state.days, name: (day) => day.day, empty: "No day was restored yet." })),
    h(Section, { title: "Ledger" },
      h(Rows, { columns: DECISIONS, rows: state.decisions, name: (entry) => entry.number, empty: "Nothing was decided yet." })));
}

globalThis.Restorer = Restorer;
