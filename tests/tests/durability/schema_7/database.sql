BEGIN TRANSACTION;
CREATE TABLE agent_executions (
    position         INTEGER PRIMARY KEY AUTOINCREMENT,
    uid              TEXT NOT NULL UNIQUE,
    registration     TEXT NOT NULL REFERENCES agents (uid) ON DELETE CASCADE,
    event_type       TEXT NOT NULL,
    task             TEXT,
    result           TEXT,
    status           TEXT NOT NULL,
    action           TEXT,
    event_payload    TEXT NOT NULL,
    response_payload TEXT,
    started_at       INTEGER,
    completed_at     INTEGER,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL
, project TEXT, task_type TEXT) STRICT;
CREATE TABLE agents (
    position      INTEGER PRIMARY KEY AUTOINCREMENT,
    uid           TEXT NOT NULL UNIQUE,
    organization  TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    name          TEXT NOT NULL,
    description   TEXT,
    events        TEXT NOT NULL,
    callback_url  TEXT,
    is_active     INTEGER NOT NULL,
    project       TEXT,
    task_types    TEXT NOT NULL,
    secret        BLOB NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    UNIQUE (organization, name)
) STRICT;
CREATE TABLE api_keys (
    id            TEXT PRIMARY KEY,
    class         TEXT NOT NULL,
    owner         TEXT NOT NULL REFERENCES users (uid),
    organization  TEXT NOT NULL REFERENCES organizations (uid),
    name          TEXT NOT NULL,
    mac           BLOB NOT NULL,
    access        TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER,
    revoked_at    INTEGER,
    seq           INTEGER NOT NULL,
    seal          BLOB NOT NULL
) STRICT;
INSERT INTO "api_keys" VALUES('BHHlShW61tVu','test','143cff93-97fe-4d45-85a4-d91cf4df9616','530da4a5-c2dc-4de8-8784-97a332d1b412','key 0',X'AF2F7CB66C7DB3D8375DDE9D2B47E2154C7D0219CD7A1BA31CE2A66BC9D985FA','{"kind":"full"}',1795421344284,4102444800000,NULL,1,X'C9D78960CD5FCB40498BE99116F04392CAC51D2E8A1F44677C036DBD99E0E88C');
INSERT INTO "api_keys" VALUES('MmQQl9M95Tox','test','9ce7aff7-45e4-4168-a1dd-4be189650c30','d2466928-00ef-41f5-a2f5-0692847b12e9','key 1',X'DD42CF908E956BF0D6AE543CECB693376C679D1E4CA0B1E5AC3ABED76D9727A0','{"kind":"listed","scopes":[]}',1795421344285,NULL,NULL,2,X'19A8366E817107D52E685718A82E02BA9FA0FD0A295D4A026C5E11C8F60C93B5');
INSERT INTO "api_keys" VALUES('espNnDhsWwTX','test','143cff93-97fe-4d45-85a4-d91cf4df9616','530da4a5-c2dc-4de8-8784-97a332d1b412','key 2',X'1C1F13B1F90213A156FDD252C5998175F9D4CA16C4FF0673264972E22A18D59A','{"kind":"listed","scopes":["agents.read"]}',1795421344285,NULL,NULL,3,X'E50DE0277F6A65144E7121DF3E6D0513C55EFD1EAF5E780CB091EF515A05728B');
INSERT INTO "api_keys" VALUES('EQPAK5BFNCo0','test','9ce7aff7-45e4-4168-a1dd-4be189650c30','d2466928-00ef-41f5-a2f5-0692847b12e9','key 3',X'E84ED3AEE1907FF4A4D095E652254E12167593A610568A76E291F561251D206D','{"kind":"listed","scopes":["webhooks.read","tasks.read"]}',1795421344286,4102444800000,NULL,4,X'4C9DDFF6BBE1AD66BC722FFCB03990F39C4925CCDDC81BA6C3C6AC8C4C9A2E7E');
INSERT INTO "api_keys" VALUES('tJsGeWgZnybv','test','143cff93-97fe-4d45-85a4-d91cf4df9616','530da4a5-c2dc-4de8-8784-97a332d1b412','key 4',X'518EE0BE871DBD299F5920DF23A8522EA98364E7B9E721CCE4BCB9E0CCBD990B','{"kind":"full"}',1795421344286,NULL,NULL,5,X'9869966FE85657BE1D08AF00EE6C4C9CA621BD037B9E80B5A4A9E9AF596F48C2');
INSERT INTO "api_keys" VALUES('FLjqTw9ZpzTI','test','9ce7aff7-45e4-4168-a1dd-4be189650c30','d2466928-00ef-41f5-a2f5-0692847b12e9','key 5',X'F44807F78CABB1C4F1CA49F63191FBC8B2FBED261DAA6A23D9FE67272ECA2C36','{"kind":"listed","scopes":[]}',1795421344287,NULL,1795421344287,7,X'DE49FE4C587B3F42115BEB9E7CE785CB80BFC7C7DBB481C78D455BF0E87B0522');
INSERT INTO "api_keys" VALUES('dYQd5876IrfN','test','143cff93-97fe-4d45-85a4-d91cf4df9616','530da4a5-c2dc-4de8-8784-97a332d1b412','key 6',X'9F205C797EDB82EEB946DA94B855F4A164E8C7B97B4B6E29749762198DD73033','{"kind":"listed","scopes":["agents.read"]}',1795421344288,1700000000000,NULL,9,X'1821D2D3DB258713163602C9E610145FC1BBA2A7F819E0DC5A19FAD36FE2D8CA');
INSERT INTO "api_keys" VALUES('D6JciR2nfEpj','test','9ce7aff7-45e4-4168-a1dd-4be189650c30','d2466928-00ef-41f5-a2f5-0692847b12e9','key 7',X'24478E6310B6C13ED80C480FE7B2BDE56FAF507F05E06FC25A5DF232782E52EF','{"kind":"listed","scopes":["webhooks.read","tasks.read"]}',1795421344289,NULL,NULL,10,X'C76FA645D80FDB1A49CA001522714BAA0900CDB29500FB138E91339F248ADD41');
INSERT INTO "api_keys" VALUES('GINCte1MKGZA','test','143cff93-97fe-4d45-85a4-d91cf4df9616','530da4a5-c2dc-4de8-8784-97a332d1b412','key 8',X'FFF55B974354F6A54D45784DCADE9E1EEEE020363221F29DCFCC695B69E49EE2','{"kind":"full"}',1795421344290,NULL,NULL,11,X'8AD8F09C0BA86479D4EB70627ED7C2B42FE6A59A94A75540F47AAA555A0FE2DB');
INSERT INTO "api_keys" VALUES('AB1Yjh86LT5H','test','9ce7aff7-45e4-4168-a1dd-4be189650c30','d2466928-00ef-41f5-a2f5-0692847b12e9','key 9',X'62E581EA0E85F0946F74EA7E1C2E1F30727F88DF9D3BF2F8F0C283D9F547D3BB','{"kind":"listed","scopes":[]}',1795421344290,4102444800000,NULL,12,X'D89ABF6C29B1BCD75A274AE916796CE1A430512F72643CF611A51EF06717331B');
INSERT INTO "api_keys" VALUES('U6xajuByShyA','test','143cff93-97fe-4d45-85a4-d91cf4df9616','530da4a5-c2dc-4de8-8784-97a332d1b412','key 10',X'96FAF004B626774F730F252171BCAFDA8CB26E545C9744C403FE02ECD88AD407','{"kind":"listed","scopes":["agents.read"]}',1795421344291,NULL,NULL,13,X'DC4A204E67A61B5C28E4362FB757DF97A1302675ABE26E79DF1BE0501F40CAD6');
INSERT INTO "api_keys" VALUES('7GpbuShBgPE4','test','9ce7aff7-45e4-4168-a1dd-4be189650c30','d2466928-00ef-41f5-a2f5-0692847b12e9','key 11',X'BCB73F0FFB4F0D274FDF86D9A297860E2995B37550E3BC3575035D54DA057C99','{"kind":"listed","scopes":["webhooks.read","tasks.read"]}',1795421344291,NULL,NULL,14,X'8DD439D9D75E6709489BA2ECA8F2A1641CEB736151F9E592FE074036934C2C35');
INSERT INTO "api_keys" VALUES('n2Ccy82vy70c','test','143cff93-97fe-4d45-85a4-d91cf4df9616','530da4a5-c2dc-4de8-8784-97a332d1b412','key 12',X'2AFF20CA64F9D7441E1BAC72462600B1F2385592AA7C7E59B595857F2AAE2163','{"kind":"full"}',1795421344292,4102444800000,1795421344292,16,X'D9AF1A1B6653185FFA3195F382E126DCABCC93A6853073BA1C34DA7A1936E337');
INSERT INTO "api_keys" VALUES('A9Xnkh5gsXCR','test','9ce7aff7-45e4-4168-a1dd-4be189650c30','d2466928-00ef-41f5-a2f5-0692847b12e9','key 13',X'E6AB471805D1CBB6169D3659DAFEC65CFFF55065279153E98115939AF2261212','{"kind":"listed","scopes":[]}',1795421344293,1700000000000,NULL,18,X'52BCFDE8CA92EE6F6DE69CA44B373270DF2A28F105DC946D7866610FA264BEED');
INSERT INTO "api_keys" VALUES('Io6oVbuiBzzI','test','143cff93-97fe-4d45-85a4-d91cf4df9616','530da4a5-c2dc-4de8-8784-97a332d1b412','key 14',X'83371A70B5411AD83C1D1B40E9D10E26A5A1B5FFBB74DEB5EF06D0F087E3446F','{"kind":"listed","scopes":["agents.read"]}',1795421344294,NULL,NULL,19,X'41323D6EC1CDEC8A60F1833A830C462D8597CCB3D54B9661DBAF9BC115C9D253');
INSERT INTO "api_keys" VALUES('eWKd0yTuuHAy','test','9ce7aff7-45e4-4168-a1dd-4be189650c30','d2466928-00ef-41f5-a2f5-0692847b12e9','key 15',X'71653A0DAEC896DB37B82D9DAE313175620D5D2723C483DBAE55DB952BCB2F89','{"kind":"listed","scopes":["webhooks.read","tasks.read"]}',1795421344294,4102444800000,NULL,20,X'5CE9EEA2C5C591A6C0077649B28072FE5E93F043693D38EBED470A388F993F21');
INSERT INTO "api_keys" VALUES('AtloVPVMz7oB','test','143cff93-97fe-4d45-85a4-d91cf4df9616','530da4a5-c2dc-4de8-8784-97a332d1b412','key 16',X'AC0CDD0B75F2D4B5E60B7FEBB551BA40628B403FF4BACAAC655636A7A56AF3E8','{"kind":"full"}',1795421344295,NULL,NULL,21,X'FE6DCAE621DFA867A9567F9AB2A3AE18BF40C805DACDEBE3D31CE156AAE384A3');
INSERT INTO "api_keys" VALUES('hdai2DwQvatO','test','9ce7aff7-45e4-4168-a1dd-4be189650c30','d2466928-00ef-41f5-a2f5-0692847b12e9','key 17',X'21A7E5FED4B08AAF6FDDC96CC349DFEEA0B74DD8CEB2B9D6DE735E8B82650E9F','{"kind":"listed","scopes":[]}',1795421344295,NULL,NULL,22,X'5EE04259F68F7B2AA94E44B335BAA027EEC685C73AF14EEA5B9494ADBCA87D1A');
INSERT INTO "api_keys" VALUES('1SFmA0ESUj3d','test','143cff93-97fe-4d45-85a4-d91cf4df9616','530da4a5-c2dc-4de8-8784-97a332d1b412','key 18',X'F12304B8F40CDA7DA4F5905968A59BD4C911F3B8FA0A24E9FA7890E96452FE78','{"kind":"listed","scopes":["agents.read"]}',1795421344296,4102444800000,1795421344296,24,X'0503AAC124EB59E7B86A16F60D8856D1198A65F23EB524B314679928A4E7C84E');
INSERT INTO "api_keys" VALUES('3jItWGD224dB','test','9ce7aff7-45e4-4168-a1dd-4be189650c30','d2466928-00ef-41f5-a2f5-0692847b12e9','key 19',X'F308E3814AF2D4248EB92FBD2D32DA9B88E4663C23096D630D124E9EE878B5B6','{"kind":"listed","scopes":["webhooks.read","tasks.read"]}',1795421344297,NULL,NULL,25,X'8C3972DA48A0846038264765BC90CC7BE3AB8B2CD473904B75B7E87FF92742E5');
INSERT INTO "api_keys" VALUES('WK2oyDZWVllK','test','143cff93-97fe-4d45-85a4-d91cf4df9616','530da4a5-c2dc-4de8-8784-97a332d1b412','key 20',X'F553D9E2F1E0EAE7CABCFCF8EED9D7DA09FD0ED133C4CEF6AECC94CF15DA3E35','{"kind":"full"}',1795421344298,NULL,NULL,26,X'B437C8295A88629A1BBF4B729A6828D133AB862E8ABBB8D2CD9D02E843E682D5');
INSERT INTO "api_keys" VALUES('ulIVthgeCVyj','test','9ce7aff7-45e4-4168-a1dd-4be189650c30','d2466928-00ef-41f5-a2f5-0692847b12e9','key 21',X'ADACDC8A77045EB35F180A2940C9DAED0AB896AD2EFAC4E4A72D10428CA05D5B','{"kind":"listed","scopes":[]}',1795421344298,4102444800000,NULL,27,X'1848535570FDC4F5837CBE9EDA0071EBDF78D7634A21FCDCA99F65633A4C3326');
INSERT INTO "api_keys" VALUES('5lqkIK88RRo3','test','143cff93-97fe-4d45-85a4-d91cf4df9616','530da4a5-c2dc-4de8-8784-97a332d1b412','key 22',X'7B0EE2D2591C5BA5695621D22382B1DD23B0B08C04C0C3959FC34EF7EA4EECD6','{"kind":"listed","scopes":["agents.read"]}',1795421344299,NULL,NULL,28,X'C11A78E47353BAE2B8F12CADAA743828FA55B862D9767583C9A0BC82BBDCECEC');
INSERT INTO "api_keys" VALUES('DNbzFVwzH8nz','test','9ce7aff7-45e4-4168-a1dd-4be189650c30','d2466928-00ef-41f5-a2f5-0692847b12e9','key 23',X'08AAA851FECBF0AE1155437F608AA8ACC869B78806A726A4EE6C91D275A61810','{"kind":"listed","scopes":["webhooks.read","tasks.read"]}',1795421344299,NULL,NULL,29,X'E4F4373B9C5AABB6BC37126DEEFE1E72152446C8E118016AB733845CC4CC3418');
CREATE TABLE audit (
    position      INTEGER PRIMARY KEY AUTOINCREMENT,
    at            INTEGER NOT NULL,
    actor_kind    TEXT NOT NULL,
    actor_key     TEXT,
    actor_user    TEXT,
    action        TEXT NOT NULL,
    object        TEXT NOT NULL
, seq INTEGER) STRICT;
INSERT INTO "audit" VALUES(1,1795421344283,'console',NULL,NULL,'user.create','143cff93-97fe-4d45-85a4-d91cf4df9616',NULL);
INSERT INTO "audit" VALUES(2,1795421344284,'console',NULL,NULL,'user.create','9ce7aff7-45e4-4168-a1dd-4be189650c30',NULL);
INSERT INTO "audit" VALUES(3,1795421344284,'console',NULL,NULL,'api_key.issue','BHHlShW61tVu',1);
INSERT INTO "audit" VALUES(4,1795421344285,'console',NULL,NULL,'api_key.issue','MmQQl9M95Tox',2);
INSERT INTO "audit" VALUES(5,1795421344286,'console',NULL,NULL,'api_key.issue','espNnDhsWwTX',3);
INSERT INTO "audit" VALUES(6,1795421344286,'console',NULL,NULL,'api_key.issue','EQPAK5BFNCo0',4);
INSERT INTO "audit" VALUES(7,1795421344287,'console',NULL,NULL,'api_key.issue','tJsGeWgZnybv',5);
INSERT INTO "audit" VALUES(8,1795421344287,'console',NULL,NULL,'api_key.issue','FLjqTw9ZpzTI',6);
INSERT INTO "audit" VALUES(9,1795421344288,'console',NULL,NULL,'api_key.revoke','FLjqTw9ZpzTI',7);
INSERT INTO "audit" VALUES(10,1795421344288,'console',NULL,NULL,'api_key.issue','dYQd5876IrfN',8);
INSERT INTO "audit" VALUES(11,1795421344289,'console',NULL,NULL,'api_key.expire','dYQd5876IrfN',9);
INSERT INTO "audit" VALUES(12,1795421344289,'console',NULL,NULL,'api_key.issue','D6JciR2nfEpj',10);
INSERT INTO "audit" VALUES(13,1795421344290,'console',NULL,NULL,'api_key.issue','GINCte1MKGZA',11);
INSERT INTO "audit" VALUES(14,1795421344290,'console',NULL,NULL,'api_key.issue','AB1Yjh86LT5H',12);
INSERT INTO "audit" VALUES(15,1795421344291,'console',NULL,NULL,'api_key.issue','U6xajuByShyA',13);
INSERT INTO "audit" VALUES(16,1795421344291,'console',NULL,NULL,'api_key.issue','7GpbuShBgPE4',14);
INSERT INTO "audit" VALUES(17,1795421344292,'console',NULL,NULL,'api_key.issue','n2Ccy82vy70c',15);
INSERT INTO "audit" VALUES(18,1795421344292,'console',NULL,NULL,'api_key.revoke','n2Ccy82vy70c',16);
INSERT INTO "audit" VALUES(19,1795421344293,'console',NULL,NULL,'api_key.issue','A9Xnkh5gsXCR',17);
INSERT INTO "audit" VALUES(20,1795421344293,'console',NULL,NULL,'api_key.expire','A9Xnkh5gsXCR',18);
INSERT INTO "audit" VALUES(21,1795421344294,'console',NULL,NULL,'api_key.issue','Io6oVbuiBzzI',19);
INSERT INTO "audit" VALUES(22,1795421344295,'console',NULL,NULL,'api_key.issue','eWKd0yTuuHAy',20);
INSERT INTO "audit" VALUES(23,1795421344295,'console',NULL,NULL,'api_key.issue','AtloVPVMz7oB',21);
INSERT INTO "audit" VALUES(24,1795421344296,'console',NULL,NULL,'api_key.issue','hdai2DwQvatO',22);
INSERT INTO "audit" VALUES(25,1795421344296,'console',NULL,NULL,'api_key.issue','1SFmA0ESUj3d',23);
INSERT INTO "audit" VALUES(26,1795421344297,'console',NULL,NULL,'api_key.revoke','1SFmA0ESUj3d',24);
INSERT INTO "audit" VALUES(27,1795421344297,'console',NULL,NULL,'api_key.issue','3jItWGD224dB',25);
INSERT INTO "audit" VALUES(28,1795421344298,'console',NULL,NULL,'api_key.issue','WK2oyDZWVllK',26);
INSERT INTO "audit" VALUES(29,1795421344298,'console',NULL,NULL,'api_key.issue','ulIVthgeCVyj',27);
INSERT INTO "audit" VALUES(30,1795421344299,'console',NULL,NULL,'api_key.issue','5lqkIK88RRo3',28);
INSERT INTO "audit" VALUES(31,1795421344299,'console',NULL,NULL,'api_key.issue','DNbzFVwzH8nz',29);
CREATE TABLE auto_label_jobs (
    position             INTEGER PRIMARY KEY AUTOINCREMENT,
    uid                  TEXT NOT NULL UNIQUE,
    organization         TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    project              TEXT NOT NULL REFERENCES projects (uid) ON DELETE CASCADE,
    model_type           TEXT NOT NULL,
    confidence_threshold REAL NOT NULL,
    labels               TEXT NOT NULL,
    dry_run              INTEGER NOT NULL,
    status               TEXT NOT NULL,
    total_items          INTEGER NOT NULL,
    processed_items      INTEGER NOT NULL,
    successful_items     INTEGER NOT NULL,
    failed_items         INTEGER NOT NULL,
    skipped_items        INTEGER NOT NULL,
    error_message        TEXT,
    summary              TEXT,
    started_at           INTEGER,
    completed_at         INTEGER,
    created_at           INTEGER NOT NULL
) STRICT;
CREATE TABLE datasets (
    position          INTEGER PRIMARY KEY AUTOINCREMENT,
    uid               TEXT NOT NULL UNIQUE,
    organization      TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    name              TEXT NOT NULL,
    -- In lower case by Unicode's rules, which neither database knows by itself.
    folded_name       TEXT NOT NULL,
    slug              TEXT NOT NULL,
    data_type         TEXT NOT NULL,
    visibility        TEXT NOT NULL,
    status            TEXT NOT NULL,
    item_count        INTEGER NOT NULL,
    is_sequence       INTEGER NOT NULL,
    predefined_labels TEXT,
    metadata          TEXT,
    provider_config   BLOB,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    UNIQUE (organization, slug)
) STRICT;
CREATE TABLE exports (
    position            INTEGER PRIMARY KEY AUTOINCREMENT,
    uid                 TEXT NOT NULL UNIQUE,
    organization        TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    name                TEXT,
    format              TEXT NOT NULL,
    filter_query_string TEXT,
    projects            TEXT NOT NULL,
    datasets            TEXT NOT NULL,
    status              TEXT NOT NULL,
    total_task_count    INTEGER,
    exported_task_count INTEGER,
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL
) STRICT;
CREATE TABLE inference_providers (
    position          INTEGER PRIMARY KEY AUTOINCREMENT,
    uid               TEXT NOT NULL UNIQUE,
    organization      TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    name              TEXT NOT NULL,
    description       TEXT,
    provider_type     TEXT NOT NULL,
    config            BLOB NOT NULL,
    is_active         INTEGER NOT NULL,
    project           TEXT REFERENCES projects (uid) ON DELETE SET NULL,
    last_test_at      INTEGER,
    last_test_success INTEGER,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
) STRICT;
CREATE TABLE jobs (
    position      INTEGER PRIMARY KEY AUTOINCREMENT,
    kind          TEXT NOT NULL,
    object        TEXT NOT NULL,
    attempts      INTEGER NOT NULL,
    holder        TEXT,
    due_at        INTEGER NOT NULL,
    UNIQUE (kind, object)
) STRICT;
CREATE TABLE memberships (
    organization  TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    user          TEXT NOT NULL REFERENCES users (uid) ON DELETE CASCADE,
    role          TEXT NOT NULL,
    joined_at     INTEGER NOT NULL,
    PRIMARY KEY (user, organization)
) STRICT;
INSERT INTO "memberships" VALUES('530da4a5-c2dc-4de8-8784-97a332d1b412','143cff93-97fe-4d45-85a4-d91cf4df9616','owner',1795421344283);
INSERT INTO "memberships" VALUES('d2466928-00ef-41f5-a2f5-0692847b12e9','9ce7aff7-45e4-4168-a1dd-4be189650c30','owner',1795421344284);
CREATE TABLE meta (
    only_row      INTEGER PRIMARY KEY CHECK (only_row = 1),
    seq           INTEGER NOT NULL,
    class         TEXT NOT NULL,
    pepper_check  BLOB NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT;
INSERT INTO "meta" VALUES(1,29,'test',X'0F06CCF515D4DAFBD30A1AD473EA4DE381AD3FDBE747D6F5F4E2C196F697F5BB',1795421344261);
CREATE TABLE organizations (
    position      INTEGER PRIMARY KEY AUTOINCREMENT,
    uid           TEXT NOT NULL UNIQUE,
    slug          TEXT NOT NULL UNIQUE,
    name          TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
) STRICT;
INSERT INTO "organizations" VALUES(1,'530da4a5-c2dc-4de8-8784-97a332d1b412','ada-977cc8c5','ada',1795421344283,1795421344283);
INSERT INTO "organizations" VALUES(2,'d2466928-00ef-41f5-a2f5-0692847b12e9','bob-916cce8e','bob',1795421344284,1795421344284);
CREATE TABLE projects (
    position          INTEGER PRIMARY KEY AUTOINCREMENT,
    uid               TEXT NOT NULL UNIQUE,
    organization      TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    name              TEXT NOT NULL,
    status            TEXT NOT NULL,
    task_type         TEXT,
    visibility        TEXT NOT NULL,
    short_description TEXT,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
) STRICT;
CREATE TABLE results (
    position          INTEGER PRIMARY KEY AUTOINCREMENT,
    uid               TEXT NOT NULL UNIQUE,
    task              TEXT NOT NULL REFERENCES tasks (uid) ON DELETE CASCADE,
    status            TEXT NOT NULL,
    data              TEXT NOT NULL,
    metadata          TEXT,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
) STRICT;
CREATE TABLE storage_configs (
    position               INTEGER PRIMARY KEY AUTOINCREMENT,
    uid                    TEXT NOT NULL UNIQUE,
    organization           TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    name                   TEXT NOT NULL,
    provider               TEXT NOT NULL,
    s3_bucket_name         TEXT,
    s3_bucket_region       TEXT,
    s3_bucket_prefix       TEXT,
    s3_auth_method         TEXT,
    s3_is_accelerated      INTEGER NOT NULL,
    gc_storage_bucket_name TEXT,
    gc_storage_prefix      TEXT,
    credentials            BLOB NOT NULL,
    is_verified            INTEGER NOT NULL,
    last_verified_at       INTEGER,
    created_at             INTEGER NOT NULL,
    updated_at             INTEGER NOT NULL
) STRICT;
CREATE TABLE tasks (
    position          INTEGER PRIMARY KEY AUTOINCREMENT,
    uid               TEXT NOT NULL UNIQUE,
    organization      TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    project           TEXT NOT NULL REFERENCES projects (uid) ON DELETE CASCADE,
    dataset           TEXT REFERENCES datasets (uid) ON DELETE SET NULL,
    type              TEXT,
    name              TEXT,
    status            TEXT NOT NULL,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
) STRICT;
CREATE TABLE users (
    position      INTEGER PRIMARY KEY AUTOINCREMENT,
    uid           TEXT NOT NULL UNIQUE,
    email         TEXT NOT NULL UNIQUE COLLATE NOCASE,
    first_name    TEXT,
    last_name     TEXT,
    password_hash TEXT,
    created_at    INTEGER NOT NULL
) STRICT;
INSERT INTO "users" VALUES(1,'143cff93-97fe-4d45-85a4-d91cf4df9616','ada@example.com',NULL,NULL,NULL,1795421344283);
INSERT INTO "users" VALUES(2,'9ce7aff7-45e4-4168-a1dd-4be189650c30','bob@example.com',NULL,NULL,NULL,1795421344284);
CREATE TABLE webhook_deliveries (
    position        INTEGER PRIMARY KEY AUTOINCREMENT,
    uid             TEXT NOT NULL UNIQUE,
    organization    TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    subscription    TEXT NOT NULL REFERENCES webhooks (uid) ON DELETE CASCADE,
    event_type      TEXT NOT NULL,
    payload         TEXT NOT NULL,
    response_status INTEGER,
    response_body   TEXT,
    attempts        INTEGER NOT NULL,
    status          TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
) STRICT;
CREATE TABLE webhooks (
    position      INTEGER PRIMARY KEY AUTOINCREMENT,
    uid           TEXT NOT NULL UNIQUE,
    organization  TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    target_url    TEXT NOT NULL,
    events        TEXT NOT NULL,
    is_active     INTEGER NOT NULL,
    secret        BLOB NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX api_keys_by_seq ON api_keys (seq);
CREATE INDEX webhooks_by_organization ON webhooks (organization, position);
CREATE INDEX webhook_deliveries_by_organization ON webhook_deliveries (organization, position);
CREATE INDEX webhook_deliveries_by_subscription ON webhook_deliveries (subscription);
CREATE INDEX agents_by_organization ON agents (organization, position);
CREATE INDEX agent_executions_by_registration ON agent_executions (registration, position);
CREATE INDEX audit_of_revocations ON audit (object) WHERE action = 'api_key.revoke';
CREATE UNIQUE INDEX users_by_email ON users (lower(email));
CREATE INDEX projects_by_organization ON projects (organization, position);
CREATE INDEX datasets_by_organization ON datasets (organization, position);
CREATE INDEX tasks_by_organization ON tasks (organization, position);
CREATE INDEX tasks_by_project ON tasks (project, position);
CREATE INDEX tasks_by_dataset ON tasks (dataset, position);
CREATE INDEX results_by_task ON results (task, position);
CREATE INDEX jobs_by_due_at ON jobs (due_at);
CREATE INDEX exports_by_organization ON exports (organization, position);
CREATE INDEX auto_label_jobs_by_organization ON auto_label_jobs (organization, position);
CREATE INDEX auto_label_jobs_by_project ON auto_label_jobs (project, position);
CREATE INDEX storage_configs_by_organization ON storage_configs (organization, position);
CREATE INDEX inference_providers_by_organization ON inference_providers (organization, position);
CREATE INDEX inference_providers_by_project ON inference_providers (project);
CREATE INDEX audit_of_changes_to_keys ON audit (object, seq) WHERE seq IS NOT NULL;
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (created_at) WHERE status = 'pending';
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('users',2);
INSERT INTO "sqlite_sequence" VALUES('organizations',2);
INSERT INTO "sqlite_sequence" VALUES('audit',31);
COMMIT;
PRAGMA user_version = 7;
