import Addresses
import Dispatch
import EventLoop
import Glibc

/// Looks host names up away from the loop, which would stand still for as long as the name server does.
public enum NameLookup {
    /// Calls back on `loop` with the addresses in the system's order of preference; a success has at least one.
    public static func find(
        _ name: String,
        on loop: any LoopContext,
        completion: @escaping (Result<[IPAddress], HostFailure>) -> Void
    ) {
        let completion = LoopBound(completion, loop: loop)
        // A queue of its own, not the shared ones: those are watched once a second by way of files in /proc, and a
        // process that has no descriptor left for that is ended.
        DispatchQueue(label: "sluice.lookup", qos: .utility).async {
            let result = self.find(name)
            loop.submit { completion.open()(result) }
        }
    }

    private static func find(_ name: String) -> Result<[IPAddress], HostFailure> {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = Int32(AI_ADDRCONFIG)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(name, nil, &hints, &list)
        guard code == 0 else {
            let text = code == EAI_SYSTEM ? SystemError.message(code: errno) : String(cString: gai_strerror(code))
            return .failure(HostFailure(text))
        }
        defer { freeaddrinfo(list) }
        var addresses: [IPAddress] = []
        var cursor = list
        while let entry = cursor {
            if let address = self.address(of: entry.pointee) { addresses.append(address) }
            cursor = entry.pointee.ai_next
        }
        guard !addresses.isEmpty else { return .failure(HostFailure("no usable address")) }
        return .success(addresses)
    }

    private static func address(of entry: addrinfo) -> IPAddress? {
        var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let flags = Int32(NI_NUMERICHOST)
        let code = getnameinfo(entry.ai_addr, entry.ai_addrlen, &host, socklen_t(host.count), nil, 0, flags)
        guard code == 0 else { return nil }
        let text = String(decoding: host.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        return IPAddress(parsing: text)
    }
}
