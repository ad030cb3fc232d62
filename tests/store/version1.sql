-- A store as version 1 wrote it. It is never changed: stores like it are on users' disks.
PRAGMA application_id = 1113943629;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE documents (
        result INTEGER PRIMARY KEY REFERENCES results ON DELETE CASCADE,
        data TEXT NOT NULL             -- the whole result as JSON
    );
INSERT INTO "documents" VALUES(1,'{"nodeid":"suite.yaml::a[m]","scenario":"a","model":"m","trial":1,"status":"passed","started_at":1000.0,"duration_s":1.0,"latency_s":1.0,"wait_s":0.0,"waits":{},"attempts":0,"score":1.0,"threshold":1.0,"checks":[],"response":{"text":"4","finish_reason":"stop","usage":{"input_tokens":10,"output_tokens":2},"latency_s":1.0,"pause_s":null},"error":null,"retries":[],"cost_usd":null,"cached":false,"fingerprint":"print-of-a"}');
INSERT INTO "documents" VALUES(2,'{"nodeid":"suite.yaml::b[m]","scenario":"b","model":"m","trial":1,"status":"failed","started_at":1000.0,"duration_s":1.0,"latency_s":1.0,"wait_s":0.0,"waits":{},"attempts":0,"score":null,"threshold":1.0,"checks":[],"response":{"text":"4","finish_reason":"stop","usage":{"input_tokens":10,"output_tokens":2},"latency_s":1.0,"pause_s":null},"error":null,"retries":[],"cost_usd":null,"cached":false,"fingerprint":"print-of-b"}');
CREATE TABLE responses (
        fingerprint TEXT NOT NULL PRIMARY KEY,
        model TEXT NOT NULL,
        created_at REAL NOT NULL,
        turns INTEGER NOT NULL,
        asked TEXT NOT NULL,           -- JSON array, the messages that each turn added
        data TEXT NOT NULL             -- JSON array, one response a turn
    );
INSERT INTO "responses" VALUES('print-of-a','m',1767225601.0,1,'[]','[{"text":"4","finish_reason":"stop","usage":{"input_tokens":10,"output_tokens":2},"latency_s":1.0,"pause_s":null}]');
INSERT INTO "responses" VALUES('print-of-b','m',1767225601.0,1,'[]','[{"text":"4","finish_reason":"stop","usage":{"input_tokens":10,"output_tokens":2},"latency_s":1.0,"pause_s":null}]');
CREATE TABLE results (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
        nodeid TEXT NOT NULL,
        scenario TEXT NOT NULL,        -- with its file: 'maths.yaml::add-two'
        model TEXT NOT NULL,
        trial INTEGER NOT NULL,
        status TEXT NOT NULL,
        score REAL,
        started_at REAL NOT NULL,
        duration_s REAL NOT NULL,
        latency_s REAL NOT NULL,
        cost_usd REAL,
        input_tokens INTEGER,
        output_tokens INTEGER,
        cached INTEGER NOT NULL,
        fingerprint TEXT NOT NULL,
        grade_fingerprint TEXT NOT NULL,
        UNIQUE (run, nodeid)
    );
INSERT INTO "results" VALUES(1,1,'suite.yaml::a[m]','suite.yaml::a','m',1,'passed',1.0,1000.0,1.0,1.0,NULL,10,2,0,'print-of-a','by these checks');
INSERT INTO "results" VALUES(2,1,'suite.yaml::b[m]','suite.yaml::b','m',1,'failed',NULL,1000.0,1.0,1.0,NULL,10,2,0,'print-of-b','by these checks');
CREATE TABLE runs (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        started_at REAL NOT NULL,      -- seconds since the epoch
        finished_at REAL,              -- null until all of it has a result
        process TEXT,                  -- who works on it, null if nobody does
        command TEXT NOT NULL,         -- JSON array of words
        plugin_version TEXT NOT NULL,
        total INTEGER,                 -- runs that are to have a result, null while unknown
        shard TEXT                     -- 'I/N', null for a whole
    );
INSERT INTO "runs" VALUES(1,'20260101-000000-abcdef',1767225600.0,1767225660.0,NULL,'["pytest", "--bench", "suite"]','0.1.0',3,NULL);
COMMIT;
