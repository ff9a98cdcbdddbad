import EventLoop
import Primitives
import Settings
import TestKit
import Transport

@testable import Controller

/// Two workers whom somebody else has started, and four places where nobody is; nothing that a driver could do to them.
final class KEDAOutside: DriverOutside {
    private static let addresses = (1...6).map { SocketAddress.loopback(port: 9_000 + UInt16($0)) }

    private let loop: VirtualLoop
    private var well = Set(KEDAOutside.addresses.prefix(2).map(\.description))
    let acts = 0
    var onEnding: (String) -> Void = { _ in }

    init(_ loop: VirtualLoop) { self.loop = loop }

    func prepare(_ pool: inout PoolSettings) {
        pool.driver = .keda
        pool.workers = Self.addresses.map { .init($0) }
        pool.maxWorkers = Self.addresses.count
    }

    var access: WorkerAccess {
        var access = WorkerAccess.invented()
        access.ask = { [weak self] address, _, answer in
            guard let self else { return }
            self.loop.after(nanoseconds: 10 * Nanoseconds.perMillisecond) {
                answer(self.well.contains(address.description))
            }
        }
        return access
    }

    var serving: Set<String> { self.well }
    var running: Set<String> { self.well }
    func kill(_ id: String) { self.well.remove(id) }
    func hang(_ id: String) { self.well.remove(id) }
    func fail(_ fault: OutsideFault?) {}
}
