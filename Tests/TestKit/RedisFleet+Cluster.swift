/// Six nodes: `servers[0...2]` begin as masters of a third of the slots each, `servers[3 + n]` as replica of
/// `servers[n]`.
extension RedisFleet {
    public static let slotCount = 16_384

    func joinCluster(_ busPorts: [UInt16]) throws {
        let masters = 3
        for (index, node) in self.servers.enumerated() {
            try node.order("CLUSTER", "SET-CONFIG-EPOCH", String(index + 1))
            guard index < masters else { continue }
            let (first, end) = (Self.slotCount * index / masters, Self.slotCount * (index + 1) / masters)
            try node.order("CLUSTER", "ADDSLOTSRANGE", String(first), String(end - 1))
        }
        // Everybody is introduced to everybody: gossip would take seconds.
        for node in self.servers {
            for (other, busPort) in zip(self.servers, busPorts) where other !== node {
                try node.order("CLUSTER", "MEET", "127.0.0.1", String(other.port), String(busPort))
            }
        }
        let ids = try self.servers.map { try $0.order("CLUSTER", "MYID").text ?? "" }
        try Self.wait(for: "the nodes to know each other") {
            try self.servers.allSatisfy { node in
                let nodes = try node.order("CLUSTER", "NODES").text ?? ""
                return ids.allSatisfy(nodes.contains) && !nodes.contains("handshake")
            }
        }
        for (index, node) in self.servers.enumerated().dropFirst(masters) {
            try node.order("CLUSTER", "REPLICATE", ids[index - masters])
        }
        try self.waitForCluster()
    }

    /// Returns when every running node says that all is well, and every master has a replica in step.
    public func waitForCluster() throws {
        let running = self.servers.filter { $0.pid != 0 }
        try Self.wait(for: "the Cluster to be whole") {
            try running.allSatisfy { node in
                let state = try node.order("CLUSTER", "INFO").text ?? ""
                let replication = try node.info("replication")
                let isInStep = replication["role"] == "master" || replication["master_link_status"] == "up"
                let shown = try node.order("CLUSTER", "SLOTS").array.filter { $0.array.count >= 4 }
                return state.contains("cluster_state:ok") && isInStep && shown.count >= 3
            }
        }
    }

    /// The master that holds the slot of `key`, as the running nodes see it; nil while there is none.
    public func master(ofKey key: String) throws -> RedisFleetNode? {
        for node in self.servers where node.pid != 0 {
            guard let slot = try node.order("CLUSTER", "KEYSLOT", key).integer else { continue }
            for range in try node.order("CLUSTER", "SLOTS").array {
                let parts = range.array
                guard parts.count > 2, let first = parts[0].integer, let last = parts[1].integer,
                    (first...last).contains(slot), let port = parts[2].array[1].integer
                else { continue }
                return self.servers.first { Int64($0.port) == port && $0.pid != 0 && $0.role == "master" }
            }
        }
        return nil
    }

    /// The slot of a key begins to move; until `finishMove` both nodes have a part of it.
    public func beginMove(slotOf key: String, to target: RedisFleetNode) throws {
        let (source, slot) = try self.ends(key)
        let (sourceID, targetID) = (try Self.id(source), try Self.id(target))
        try target.order("CLUSTER", "SETSLOT", slot, "IMPORTING", sourceID)
        try source.order("CLUSTER", "SETSLOT", slot, "MIGRATING", targetID)
    }

    /// Moves these keys, which are asked for at the other node from then on.
    public func moveKeys(_ keys: [String], slotOf key: String, to target: RedisFleetNode) throws {
        let (source, _) = try self.ends(key)
        var words = ["MIGRATE", "127.0.0.1", String(target.port), "", "0", "5000"]
        if self.options.acl { words += ["AUTH2", Self.admin.user, Self.admin.password] }
        let reply = try source.command(words + ["KEYS"] + keys)
        guard reply.text == "OK" else { throw RedisFleetError("MIGRATE of \(keys): \(reply)") }
    }

    /// Moves what is left, and tells all masters who holds the slot now.
    public func finishMove(slotOf key: String, to target: RedisFleetNode) throws {
        let (source, slot) = try self.ends(key)
        let left = try source.order("CLUSTER", "GETKEYSINSLOT", slot, "1000").array.compactMap(\.text)
        if !left.isEmpty { try self.moveKeys(left, slotOf: key, to: target) }
        let id = try Self.id(target)
        // The new owner first: until then it would send everybody back.
        for node in [target, source] + self.servers where node.pid != 0 && node.role == "master" {
            try node.order("CLUSTER", "SETSLOT", slot, "NODE", id)
        }
    }

    private func ends(_ key: String) throws -> (source: RedisFleetNode, slot: String) {
        guard let source = try self.master(ofKey: key) else { throw RedisFleetError("nobody holds the slot of \(key)") }
        return (source, String(try source.order("CLUSTER", "KEYSLOT", key).integer ?? 0))
    }

    private static func id(_ node: RedisFleetNode) throws -> String { try node.order("CLUSTER", "MYID").text ?? "" }
}
