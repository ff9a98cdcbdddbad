import Addresses

/// What the first word of an error tells the client to do. None of these commands was carried out: Redis looks at all
/// of them before it runs the first line of a script, or refuses the script's first write.
enum ServerRefusal: Equatable {
    /// Another node holds the slot from now on.
    case moved(slot: UInt16, to: RedisEndpoint.Place)
    /// The slot is on its way to another node, which has to be asked for this one command.
    case ask(slot: UInt16, at: RedisEndpoint.Place)
    /// The keys of the command are spread over two nodes while their slot moves.
    case tryAgain
    /// Takes no writes now: a replica, a server that reads its data, a Cluster without a majority.
    case notNow
    /// Has forgotten the script.
    case noScript
    /// The command itself is at fault, or its user.
    case final

    /// `answerer` is who said so: an address without a host is of the same host.
    init(code: String, message: String, answerer: RedisEndpoint.Place) {
        switch code {
        case "MOVED", "ASK":
            let words = message.split(separator: " ")
            guard words.count == 3, let slot = UInt16(words[1]), slot < HashSlot.count,
                let place = RedisEndpoint.Place(node: words[2], answerer: answerer)
            else {
                self = .final
                return
            }
            self = code == "MOVED" ? .moved(slot: slot, to: place) : .ask(slot: slot, at: place)
        case "TRYAGAIN": self = .tryAgain
        case "READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN": self = .notNow
        case "NOSCRIPT": self = .noScript
        default: self = .final
        }
    }
}

extension RedisEndpoint.Place {
    /// `host:port` as Redis writes it: the host may be an IPv6 address without brackets, or nothing.
    init?(node text: some StringProtocol, answerer: Self) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        self.init(host: String(text[..<colon]), port: port, answerer: answerer)
    }

    /// An empty host, or `?`, is the host of whoever answered. Nil for what is no host, and for port 0.
    init?(host: String, port: UInt16, answerer: Self) {
        guard port > 0 else { return nil }
        if host.isEmpty || host == "?" {
            switch answerer {
            case .name(let name, _): self = .name(name, port: port)
            case .address(.ipv4(let address, _)): self = .address(.ipv4(address, port: port))
            case .address(.ipv6(let high, let low, _)): self = .address(.ipv6(high, low, port: port))
            case .address(.unix): return nil
            }
        } else if let address = IPAddress(parsing: host) {
            self = .address(SocketAddress(address, port: port))
        } else if DomainName.isWellFormed(host) {
            self = .name(host, port: port)
        } else {
            return nil
        }
    }
}
