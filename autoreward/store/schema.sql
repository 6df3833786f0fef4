-- The journal of a run. Every row is a fact that is kept once written; see journal.py.
-- Lists and dicts are JSON text; times are seconds since 1970.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,          -- run, created, config, versions, and what a run notes itself
    value TEXT NOT NULL
);

CREATE TABLE proposals (             -- the n-th time a reward was asked for
    number     INTEGER PRIMARY KEY,
    generation INTEGER NOT NULL,
    operator   TEXT NOT NULL,        -- how it is made: draft, mutate, cross …
    parents    TEXT NOT NULL,        -- candidate ids
    model      TEXT,                 -- language model, null for the built-in designer
    seen       INTEGER NOT NULL,     -- the last event it could know of
    state      TEXT NOT NULL CHECK (state IN ('open', 'accepted', 'duplicate', 'rejected')),
    candidate  TEXT,
    reason     TEXT NOT NULL DEFAULT ''
);

CREATE TABLE candidates (
    id       TEXT PRIMARY KEY,       -- hash of the normal form: the same reward is the same row
    proposal INTEGER,
    text     TEXT NOT NULL,          -- the reward file
    formula  TEXT NOT NULL,
    skeleton TEXT NOT NULL,
    idea     TEXT NOT NULL,
    changes  TEXT NOT NULL,
    state    TEXT NOT NULL CHECK (state IN ('proposed', 'checked', 'rejected', 'trained', 'failed')),
    created  REAL NOT NULL
);

CREATE TABLE jobs (                  -- one training of one reward with one training seed
    id            TEXT PRIMARY KEY,
    candidate     TEXT NOT NULL,     -- a candidate's id, or a baseline's name
    purpose       TEXT NOT NULL CHECK (purpose IN ('search', 'confirm', 'baseline')),
    training_seed INTEGER NOT NULL,
    steps         INTEGER NOT NULL,  -- environment steps to train for
    state         TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'infra')),
    attempt       INTEGER NOT NULL DEFAULT 0,
    env_steps     INTEGER NOT NULL DEFAULT 0, -- environment steps really taken
    result        TEXT NOT NULL DEFAULT '{}',
    started       REAL,
    finished      REAL
);

CREATE TABLE scores (                -- fitness of a trained policy, one value per episode
    job      TEXT NOT NULL REFERENCES jobs (id),
    split    TEXT NOT NULL,          -- validation, test
    name     TEXT NOT NULL,          -- name in the fitness vector
    episodes TEXT NOT NULL,
    PRIMARY KEY (job, split, name)
);

CREATE TABLE calls (                 -- language model calls; asking one request again is a new attempt
    key           TEXT NOT NULL,     -- hash of the request
    attempt       INTEGER NOT NULL,
    proposal      INTEGER,
    role          TEXT NOT NULL,     -- designer, critic, analyzer
    model         TEXT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('reserved', 'done', 'failed', 'lost')),
    input_tokens  INTEGER NOT NULL,  -- what was reserved, until settled; cached ones included
    cached_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    usd           REAL NOT NULL,
    seconds       REAL NOT NULL,
    PRIMARY KEY (key, attempt)
);

CREATE TABLE findings (
    id         INTEGER PRIMARY KEY,
    candidate  TEXT,
    proposal   INTEGER,
    job        TEXT,
    source     TEXT NOT NULL,        -- critic, jail, trainer, analyzer, person
    code       TEXT NOT NULL,
    severity   TEXT NOT NULL CHECK (severity IN ('error', 'warning', 'note')),
    message    TEXT NOT NULL,
    evidence   TEXT NOT NULL,
    suggestion TEXT NOT NULL
);

CREATE TABLE analyses (              -- what a finished training shows; see evaluation/analysis
    job  TEXT PRIMARY KEY REFERENCES jobs (id),
    data TEXT NOT NULL
);

CREATE TABLE reviews (               -- what a person decided about a reward; append-only
    id        INTEGER PRIMARY KEY,   -- its event
    at        REAL NOT NULL,
    candidate TEXT NOT NULL REFERENCES candidates (id),
    action    TEXT NOT NULL CHECK (
        action IN ('approve', 'reject', 'edit', 'comment', 'pin', 'unpin')
    ),
    text      TEXT NOT NULL,         -- reason or comment
    edited    TEXT REFERENCES candidates (id), -- the candidate that an edit made
    reviewer  TEXT NOT NULL
);

CREATE TABLE feedback (              -- what a person says to the designer; append-only
    id        INTEGER PRIMARY KEY,   -- its event
    at        REAL NOT NULL,
    candidate TEXT REFERENCES candidates (id), -- null: about the whole run
    text      TEXT NOT NULL
);

CREATE TABLE preferences (           -- which of two policies a person likes better; append-only
    id          INTEGER PRIMARY KEY, -- its event
    at          REAL NOT NULL,
    job_a       TEXT NOT NULL REFERENCES jobs (id),
    job_b       TEXT NOT NULL REFERENCES jobs (id),
    candidate_a TEXT NOT NULL,
    candidate_b TEXT NOT NULL,
    outcome     TEXT NOT NULL CHECK (outcome IN ('a', 'b', 'tie')),
    episode_a   INTEGER,             -- validation episode whose clip was named; null: none was
    episode_b   INTEGER
);

CREATE TABLE events (                -- append-only: what `status` follows
    seq  INTEGER PRIMARY KEY AUTOINCREMENT,
    at   REAL NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL
);

CREATE INDEX jobs_of ON jobs (candidate);
CREATE INDEX findings_of ON findings (candidate);
CREATE INDEX reviews_of ON reviews (candidate);
