/// A master, its replicas, and who watches them.
extension RedisFleet {
    /// The one that says of itself that it is master and that the sentinels name, if there are any; nil while there is
    /// none. After a fail-over the old one takes itself for the master for some seconds yet.
    public var master: RedisFleetNode? {
        guard !self.sentinels.isEmpty else { return self.servers.first { $0.role == "master" } }
        return self.masterBySentinels.flatMap { $0.role == "master" ? $0 : nil }
    }

    /// Whom the sentinels name.
    public var masterBySentinels: RedisFleetNode? {
        for sentinel in self.sentinels where sentinel.pid != 0 {
            let answer = try? sentinel.command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", Self.masterName)
            guard let port = answer?.array.last?.text.flatMap({ UInt16($0) }) else { continue }
            return self.servers.first { $0.port == port }
        }
        return nil
    }

    func waitForReplicas() throws {
        let replicas = self.servers.dropFirst()
        try Self.wait(for: "the replicas to be in step") {
            try replicas.allSatisfy { try $0.info("replication")["master_link_status"] == "up" }
        }
    }

    func waitForSentinels() throws {
        try Self.wait(for: "the sentinels to know each other and the replicas") {
            try self.sentinels.allSatisfy { sentinel in
                let fields = try sentinel.order("SENTINEL", "MASTER", Self.masterName).array.compactMap(\.text)
                var pairs: [String: String] = [:]
                for index in stride(from: 0, to: fields.count - 1, by: 2) { pairs[fields[index]] = fields[index + 1] }
                return pairs["num-other-sentinels"] == String(self.sentinels.count - 1)
                    && pairs["num-slaves"] == String(self.servers.count - 1) && pairs["flags"] == "master"
            }
        }
    }

    /// Asks the sentinels to make another server master, and returns when they name it.
    public func failOver() throws {
        let old = self.masterBySentinels
        try Self.wait(for: "a sentinel to begin the fail-over") {
            try self.sentinels.first { $0.pid != 0 }?.command("SENTINEL", "FAILOVER", Self.masterName).text == "OK"
        }
        try Self.wait(for: "another master") {
            let new = self.masterBySentinels
            return new != nil && new?.name != old?.name && new?.role == "master"
        }
    }
}
