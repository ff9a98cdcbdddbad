import Addresses

/// Addresses as they are written in the file: `127.0.0.1:8080`, `[::1]:8080` or `unix:/run/sluice.sock`.
enum AddressText {
    /// Port 0 asks the system for a free port, which only a listener can do. A file says an address, never a name: not
    /// even `localhost`, which is two addresses on many machines.
    static func parse(_ text: String, allowsPortZero: Bool) throws(Refusal) -> SocketAddress {
        let address: SocketAddress
        do throws(SocketAddress.ParseError) {
            address = try SocketAddress(parsing: text)
        } catch {
            throw Refusal(error.reason)
        }
        guard !text.hasPrefix("localhost:") else {
            throw Refusal("whose host is not an IP address (names are not looked up)")
        }
        guard address.port != 0 || allowsPortZero else {
            throw Refusal("whose port is 0: only a listener can pick a free one")
        }
        return address
    }
}

extension SocketAddress {
    /// A unix path that does not begin at the root is meant from `folder`.
    func resolved(in folder: String) -> SocketAddress {
        guard case .unix(let path) = self else { return self }
        return .unix(path: path.resolved(in: folder))
    }
}

extension WorkerAddress {
    /// The same for the socket of a worker.
    func resolved(in folder: String) -> WorkerAddress {
        guard case .address(let address) = self.place else { return self }
        var resolved = self
        resolved.place = .address(address.resolved(in: folder))
        return resolved
    }
}

extension RedisEndpoint {
    /// The same for the socket of a Redis.
    func resolved(in folder: String) -> RedisEndpoint {
        guard case .address(let address) = self.place else { return self }
        var resolved = self
        resolved.place = .address(address.resolved(in: folder))
        return resolved
    }
}

extension String {
    package func resolved(in folder: String) -> String {
        guard self.first != "/", !folder.isEmpty else { return self }
        return folder.hasSuffix("/") ? folder + self : "\(folder)/\(self)"
    }
}
