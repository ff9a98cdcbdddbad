import Addresses
import EventLoop
import Transport

/// Looks the host of a site up, away from the loop.
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
        NameLookup.find(url.host, on: loop) { found in
            completion(
                found.map { self.distinct($0).map { SocketAddress($0, port: url.port) } }.mapError { failure in
                    PlayProblem(
                        "the host \(url.host) could not be looked up (\(failure.reason)): check the spelling of --url and this "
                            + "machine's name server, or write the site's address into /etc/hosts"
                    )
                }
            )
        }
    }

    private static func distinct(_ addresses: [IPAddress]) -> [IPAddress] {
        var distinct: [IPAddress] = []
        for address in addresses where distinct.count < Self.mostAddresses && !distinct.contains(address) {
            distinct.append(address)
        }
        return distinct
    }
}
