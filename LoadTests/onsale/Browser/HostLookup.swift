import Addresses
import Dispatch
import EventLoop
import Glibc
import Transport

/// Looks a host name up away from the loop, which would stand still for as long as the name server does.
enum HostLookup {
    /// A site with more has the first ones played.
    static let mostAddresses = 64

    /// Calls back on `loop` with all addresses in the system's order of preference; a success has at least one.
    static func find(
        _ url: SiteURL,
        on loop: EventLoop,
        completion: @escaping (Result<[SocketAddress], PlayProblem>) -> Void
    ) {
        if let address = IPAddress(parsing: url.host) {
            return completion(.success([SocketAddress(address, port: url.port)]))
        }
        let completion = LoopBound(completion, loop: loop)
        DispatchQueue(label: "onsale.lookup", qos: .utility).async {
            let result = self.find(url.host, port: url.port)
            loop.submit { completion.open()(result) }
        }
    }

    private static func find(_ name: String, port: UInt16) -> Result<[SocketAddress], PlayProblem> {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = Int32(AI_ADDRCONFIG)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(name, nil, &hints, &list)
        guard code == 0 else {
            let reason = code == EAI_SYSTEM ? SystemError.message(code: errno) : String(cString: gai_strerror(code))
            return .failure(
                PlayProblem(
                    "the host \(name) could not be looked up (\(reason)): check the spelling of --url and this "
                        + "machine's name server, or write the site's address into /etc/hosts"
                )
            )
        }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var cursor = list
        while let entry = cursor, addresses.count < Self.mostAddresses {
            if let address = self.address(of: entry.pointee, port: port), !addresses.contains(address) {
                addresses.append(address)
            }
            cursor = entry.pointee.ai_next
        }
        guard !addresses.isEmpty else {
            return .failure(PlayProblem("the host \(name) has no address that this machine can reach"))
        }
        return .success(addresses)
    }

    private static func address(of entry: addrinfo, port: UInt16) -> SocketAddress? {
        var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let code = getnameinfo(entry.ai_addr, entry.ai_addrlen, &host, socklen_t(host.count), nil, 0, NI_NUMERICHOST)
        guard code == 0 else { return nil }
        let text = String(decoding: host.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        return IPAddress(parsing: text).map { SocketAddress($0, port: port) }
    }
}
