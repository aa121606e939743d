import type { SurvivalRules } from "./rules.ts";
import { type End, type State, type Step, withoutFolder } from "./state.ts";

/** Steps of the agent. */
export function* agentSteps(
  state: State,
  rules: SurvivalRules,
): Generator<Step> {
  switch (state.phase) {
    case "off":
      yield step("the agent starts", { ...state, phase: "settles" });
      break;
    case "settles":
      yield* settle(state, rules);
      break;
    case "waits":
      yield* start(state, rules);
      break;
    case "follows":
    case "saw no end":
      yield* follow(state, rules);
      break;
    case "ends":
    case "said":
      yield* end(state, rules);
  }
}

function* start(state: State, rules: SurvivalRules): Generator<Step> {
  const { journal, keeper } = state;
  const isFirst = rules.has("started-first");
  if (journal === "none" && state.begun === 0 && state.told.length === 0) {
    yield step("the agent accepts the command", {
      ...state,
      journal: "accepted",
    });
  }
  if (journal === "accepted" && (isFirst || keeper !== "none")) {
    const phase = isFirst ? state.phase : "follows";
    const text = "the agent records that it starts";
    yield step(text, { ...state, journal: "started", phase });
  }
  const wanted = isFirst ? "started" : "accepted";
  if (journal !== wanted || keeper !== "none" || state.folder.exists) return;
  yield startKeeper({ ...state, phase: isFirst ? "follows" : "waits" });
}

function startKeeper(state: State): Step {
  return step("the agent starts a keeper", {
    ...state,
    keeper: "begins",
    folder: { exists: true, boot: state.boot, name: "none", end: "no" },
  });
}

function* settle(state: State, rules: SurvivalRules): Generator<Step> {
  const { journal, boot } = state;
  const settled = { ...state, settled: boot };
  const before = rules.has("settled-last") ? state : settled;
  switch (journal) {
    case "none":
      yield step("the agent finds nothing", { ...settled, phase: "waits" });
      break;
    case "accepted":
      yield ends(before, "never ran");
      break;
    case "started":
      yield* find(before, { rules, settledIn: state.settled });
      break;
    default:
      yield step(`the agent finds the result "${journal}"`, {
        ...settled,
        phase: "ends",
        known: journal,
      });
  }
}

function* find(
  state: State,
  { rules, settledIn }: {
    readonly rules: SurvivalRules;
    readonly settledIn: number;
  },
): Generator<Step> {
  const { folder, boot, keeper } = state;
  if (!folder.exists && !rules.has("never-again")) {
    yield startKeeper({ ...state, phase: "follows" });
  }
  if (!folder.exists) {
    const isKnown = !rules.has("settled-boot") || settledIn === boot;
    yield ends(state, isKnown ? "never ran" : "lost");
    return;
  }
  const isThisBoot = !rules.has("same-boot") || folder.boot === boot;
  if (isThisBoot && folder.name !== "keeper") {
    const name = rules.has("name-before-refused") ? "agent" : folder.name;
    yield ends({ ...state, folder: { ...folder, name } }, "never ran");
    return;
  }
  const hasEnd = folder.end !== "no" &&
    (rules.has("end-counts") || keeper !== "none");
  // In another boot, the number of the keeper may be that of any process.
  const isOther = isThisBoot && folder.boot !== boot;
  if (hasEnd || isThisBoot && keeper !== "none" || isOther) {
    yield step("the agent takes the program up", {
      ...state,
      phase: "follows",
    });
  }
  if (!hasEnd && (isOther || !(isThisBoot && keeper !== "none"))) {
    yield ends(state, "lost");
  }
}

function* follow(state: State, rules: SurvivalRules): Generator<Step> {
  const { phase, folder, keeper } = state;
  if (phase === "follows") {
    if (folder.end !== "no") yield ends(state, "exit code");
    else yield step("the agent sees no end", { ...state, phase: "saw no end" });
    return;
  }
  if (keeper !== "none") {
    yield step("the agent sees the keeper", { ...state, phase: "follows" });
  } else if (rules.has("end-after-life") && folder.end !== "no") {
    yield ends(state, "exit code");
  } else yield ends(state, "lost");
}

function* end(state: State, rules: SurvivalRules): Generator<Step> {
  const { known, journal, phase, folder } = state;
  if (known === undefined) throw new TypeError("there is an end");
  const isKept = journal === known;
  if (folder.exists && (isKept || !rules.has("folder-last"))) {
    yield step("the agent removes the folder", {
      ...withoutFolder(state),
      // The keeper is ended with it.
      keeper: "none",
    });
  }
  if (isKept && state.settled !== state.boot) {
    yield step("the agent notes that the past of this boot is settled", {
      ...state,
      settled: state.boot,
    });
  }
  if (!isKept && journal !== "none") {
    yield step("the agent records the result", { ...state, journal: known });
  }
  if (phase === "ends" && (isKept || !rules.has("result-first"))) {
    yield step(`the Manager is told "${known}"`, {
      ...state,
      phase: "said",
      told: state.told.includes(known) ? state.told : [...state.told, known],
    });
  }
  if (phase === "said" && isKept && !folder.exists) {
    yield step("the Manager has recorded it, and the agent forgets", {
      ...state,
      phase: "waits",
      journal: "none",
      known: undefined,
    });
  }
}

function ends(state: State, known: End): Step {
  return step(`the agent finds "${known}"`, { ...state, phase: "ends", known });
}

function step(what: string, state: State): Step {
  return { what, state };
}
