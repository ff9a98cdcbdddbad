import Addresses

/// What the sections must keep among each other: names that lead somewhere, addresses and keys that are there once.
extension Settings {
    func checkReferences(_ findings: inout Findings) {
        self.checkAddresses(&findings)
        self.checkRedisAccess(&findings)
        self.checkSigningKeys(&findings)
        self.checkRoutes(&findings)
    }

    private func checkAddresses(_ findings: inout Findings) {
        var taken: [SocketAddress: String] = [:]
        let listeners = self.listeners.enumerated().map { ("listen[\($0.offset)].address", $0.element.address) }
        var all = listeners + [("admin.listen", self.admin.listen)]
        if !self.poolsOfKEDA.isEmpty { all.append(("controller.keda.listen", self.controller.keda.listen)) }
        for (path, address) in all {
            // Two listeners that ask for any free port get two.
            if address.port == 0 { continue }
            if let other = taken[address] {
                findings.reportContradiction(path, with: [other], "\(address) is already taken by \(other)")
            }
            taken[address] = path
        }
        for (path, address) in all {
            address.checkLength(path, &findings)
        }
        if case .server(let server) = self.redis, case .address(let address) = server.place {
            address.checkLength("redis", &findings)
        }
        for pool in self.pools {
            for (index, worker) in pool.workers.enumerated() {
                guard case .address(let address) = worker.place else { continue }
                address.checkLength("pools.\(pool.name).workers[\(index)]", &findings)
            }
        }
    }

    /// What stands beside an address that has no use for it was meant to do something.
    private func checkRedisAccess(_ findings: inout Findings) {
        let server: RedisEndpoint? = if case .server(let server) = self.redis { server } else { nil }
        let access = self.redisAccess
        if server?.usesTLS != true {
            let files = [("authority", access.authority), ("certificate", access.certificate), ("key", access.key)]
            for (name, file) in files where file != nil {
                let message = "redis is reached without TLS; write rediss:// there, or leave \(name) out"
                findings.reportContradiction("redis_access.\(name)", with: ["redis"], message)
            }
        }
        if case .sentinel? = server?.fleet { return }
        let words = [
            ("sentinel_user", access.sentinelUser != nil), ("sentinel_password", access.sentinelPassword != nil),
        ]
        for (name, isGiven) in words where isGiven {
            let message = "redis names no sentinels; write redis+sentinel:// there, or leave \(name) out"
            findings.reportContradiction("redis_access.\(name)", with: ["redis"], message)
        }
    }

    private func checkSigningKeys(_ findings: inout Findings) {
        for (index, key) in self.signingKeys.enumerated() {
            guard let first = self.signingKeys[..<index].firstIndex(where: { $0.id == key.id }) else { continue }
            findings.reportContradiction(
                "signing_keys[\(index)].id",
                with: ["signing_keys[\(first)].id"],
                "the id \(key.id) is already taken by signing_keys[\(first)]"
            )
        }
    }

    private func checkRoutes(_ findings: inout Findings) {
        for (index, route) in self.routes.enumerated() {
            let path = "routes[\(index)]"
            findings.checkName(route.pool, "pool", among: self.pools.map(\.name), "\(path).pool", in: "pools")
            if let room = route.room {
                findings.checkName(room, "room", among: self.rooms.map(\.name), "\(path).room", in: "rooms")
            }
            let same = self.routes[..<index].firstIndex { $0.host == route.host && $0.path == route.path }
            guard let same else { continue }
            let compared = ["\(path).host", "\(path).path", "routes[\(same)].host", "routes[\(same)].path"]
            guard !compared.contains(where: findings.isRefused) else { continue }
            findings.reportContradiction(
                path,
                with: ["routes[\(same)]"],
                "host \(route.host) and path \(route.path) are already taken by routes[\(same)]"
            )
        }
    }
}

extension SocketAddress {
    /// Known only when the path is complete.
    fileprivate func checkLength(_ path: String, _ findings: inout Findings) {
        guard case .unix(let socket) = self, socket.utf8.count > Self.maxUnixPathBytes else { return }
        findings.reportContradiction(
            path,
            "the socket's full path has \(socket.utf8.count) bytes; the system allows \(Self.maxUnixPathBytes): \(socket)"
        )
    }
}

extension Findings {
    /// Reports two values that do not go together, unless one of them is not known because it was refused itself.
    ///
    /// `others` are what `path` contradicts; the line of the first that is in the file is told.
    package mutating func reportContradiction(_ path: String, with others: [String] = [], _ message: String) {
        guard !([path] + others).contains(where: self.isRefused) else { return }
        let map = SettingsSourceMap(file: "", positions: self.positions)
        let other = others.compactMap { self.positions[$0] }.first
        self.report(map.position(of: path), path, other.map { "\(message) (line \($0.line))" } ?? message)
    }

    fileprivate mutating func checkName(
        _ name: String,
        _ what: String,
        among names: [String],
        _ path: String,
        in group: String
    ) {
        // Where the group itself was refused there is nothing to compare with; a missing name has been reported.
        guard !name.isEmpty, !names.contains(name), !self.isRefused(group) else { return }
        guard !self.isRefused("\(group).\(name)") else { return }
        let nearest = NearestWord.of(name, among: names).map { "; did you mean \($0)?" } ?? ""
        let known = names.isEmpty ? "there is none" : names.joined(separator: ", ")
        self.reportContradiction(path, "there is no \(what) named \(name)\(nearest); known under \(group): \(known)")
    }
}
