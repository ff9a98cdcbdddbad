import Glibc

/// What the servers of a fleet read: configurations, users, certificates.
struct RedisFleetFiles {
    let folder: String
    let options: RedisFleet.Options

    var authority: String { "\(self.folder)/ca.crt" }
    var certificate: String { "\(self.folder)/tls.crt" }
    var key: String { "\(self.folder)/tls.key" }

    /// An authority, and one certificate by it for servers and clients, valid on the loopback.
    func makeCertificates() throws {
        let names = "\(self.folder)/names"
        try Self.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n", to: names)
        let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        let authority = [
            "req", "-x509", "-days", "2", "-subj", "/CN=test authority", "-keyout", "\(self.folder)/ca.key", "-out",
            self.authority,
        ]
        try Self.openssl(authority + curve)
        let request = "\(self.folder)/tls.csr"
        try Self.openssl(["req", "-subj", "/CN=localhost", "-keyout", self.key, "-out", request] + curve)
        try Self.openssl([
            "x509", "-req", "-days", "2", "-in", request, "-CA", self.authority, "-CAkey", "\(self.folder)/ca.key",
            "-CAcreateserial", "-extfile", names, "-out", self.certificate,
        ])
    }

    func writeServer(_ node: RedisFleetNode, replicaOf master: RedisFleetNode?, clusterPort: UInt16?) throws {
        var lines = self.common(node)
        lines += ["save \"\"", "appendonly no", "enable-debug-command yes", "repl-diskless-sync-delay 0"]
        lines += ["repl-timeout 5", "repl-ping-replica-period 1", "repl-backlog-size 4mb"]
        if self.options.tls { lines += ["tls-replication yes"] }
        if self.options.acl {
            lines += ["user default off", "user \(RedisFleet.admin.user) on >\(RedisFleet.admin.password) ~* &* +@all"]
            lines += ["user \(RedisFleet.user) on >\(RedisFleet.password) \(RedisFleet.rights)"]
            lines += ["masteruser \(RedisFleet.admin.user)", "masterauth \(RedisFleet.admin.password)"]
        }
        if let master { lines += ["replicaof 127.0.0.1 \(master.port)"] }
        if let clusterPort {
            lines += ["cluster-enabled yes", "cluster-config-file nodes.conf", "cluster-port \(clusterPort)"]
            lines += ["cluster-node-timeout \(RedisFleet.downAfterMilliseconds)", "cluster-replica-validity-factor 0"]
            if self.options.tls { lines += ["tls-cluster yes"] }
        }
        try self.write(lines, node)
    }

    func writeSentinel(_ node: RedisFleetNode, master: RedisFleetNode) throws {
        let name = RedisFleet.masterName
        var lines = self.common(node)
        if self.options.tls { lines += ["tls-replication yes"] }
        lines += ["sentinel monitor \(name) 127.0.0.1 \(master.port) 2"]
        lines += ["sentinel down-after-milliseconds \(name) \(RedisFleet.downAfterMilliseconds)"]
        lines += ["sentinel failover-timeout \(name) 4000", "sentinel parallel-syncs \(name) 1"]
        if self.options.acl {
            lines += ["sentinel auth-user \(name) \(RedisFleet.admin.user)"]
            lines += ["sentinel auth-pass \(name) \(RedisFleet.admin.password)"]
            lines += ["requirepass \(RedisFleet.sentinelPassword)"]
            lines += ["sentinel sentinel-pass \(RedisFleet.sentinelPassword)"]
        }
        try self.write(lines, node)
    }

    private func common(_ node: RedisFleetNode) -> [String] {
        var lines = ["bind 127.0.0.1", "dir \(node.folder)", "logfile \(node.folder)/log", "unixsocket r.sock"]
        lines += ["unixsocketperm 700", "daemonize no", "protected-mode no"]
        guard self.options.tls else { return lines + ["port \(node.port)"] }
        lines += ["port 0", "tls-port \(node.port)", "tls-ca-cert-file \(self.authority)"]
        return lines + ["tls-cert-file \(self.certificate)", "tls-key-file \(self.key)", "tls-auth-clients yes"]
    }

    private func write(_ lines: [String], _ node: RedisFleetNode) throws {
        guard mkdir(node.folder, 0o700) == 0 || errno == EEXIST else {
            throw RedisFleetError("no folder \(node.folder): errno \(errno)")
        }
        try Self.write(lines.joined(separator: "\n") + "\n", to: "\(node.folder)/redis.conf")
    }

    private static func write(_ text: String, to path: String) throws {
        guard let file = fopen(path, "w") else { throw RedisFleetError("no file \(path): errno \(errno)") }
        defer { fclose(file) }
        guard fputs(text, file) >= 0 else { throw RedisFleetError("\(path) cannot be written: errno \(errno)") }
    }

    private static func openssl(_ arguments: [String]) throws {
        var pointers: [UnsafeMutablePointer<CChar>?] = (["openssl"] + arguments).map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        pointers.append(nil)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        var pid: pid_t = 0
        var status: Int32 = 0
        let code = posix_spawnp(&pid, "openssl", &actions, nil, pointers, environ)
        guard code == 0, waitpid(pid, &status, 0) == pid, status == 0 else {
            throw RedisFleetError("openssl \(arguments.joined(separator: " ")) failed")
        }
    }
}
