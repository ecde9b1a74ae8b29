-- Finds a revocation when its key is loaded: the row alone could be an older one that was put back.

CREATE INDEX audit_of_revocations ON audit (object) WHERE action = 'api_key.revoke';
