import EventLoop
import Primitives

/// One direction of a virtual connection. What is put in arrives in pieces, late, and in order; there is room for
/// `capacityBytes` that have not been read, on their way or arrived, as there is in the buffers of two sockets.
final class VirtualPipe {
    private enum Parcel {
        case bytes([UInt8])
        case end, reset
    }

    private let network: VirtualNetwork
    private weak var receiver: VirtualStream?
    private weak var sender: VirtualStream?
    private var receiverLoop: VirtualLoop!
    private let capacityBytes: Int
    /// Sent and not arrived; each comes up in an event of the receiver's loop.
    private var flight: [Parcel] = []
    private(set) var flightBytes = 0
    private var lastArrival = Instant(nanoseconds: 0)
    private var isWakingSender = false
    private var receiverIsGone = false
    private var isReset = false

    /// Arrived and not read.
    private(set) var arrived: ArraySlice<UInt8> = []
    private(set) var hasEnded = false
    private(set) var isBroken = false

    init(network: VirtualNetwork, capacityBytes: Int) {
        self.network = network
        self.capacityBytes = capacityBytes
    }

    func connect(from sender: VirtualStream, to receiver: VirtualStream) {
        self.sender = sender
        self.receiver = receiver
        self.receiverLoop = receiver.loop
    }

    var unreadBytes: Int { self.flightBytes + self.arrived.count }
    var hasSomethingToRead: Bool { !self.arrived.isEmpty || self.hasEnded || self.isBroken }

    // MARK: The sender's side

    /// Takes what there is room for; returns how much.
    func send(_ bytes: UnsafeRawBufferPointer) -> Int {
        let count = min(bytes.count, max(0, self.capacityBytes - self.unreadBytes))
        var start = 0
        while start < count {
            let piece = min(count - start, self.network.world.random(self.network.conditions.pieceBytes))
            self.dispatch(.bytes([UInt8](bytes[start..<start + piece])))
            self.flightBytes += piece
            start += piece
        }
        return count
    }

    func sendEnd() { self.dispatch(.end) }

    /// Overtakes what is on its way, which is lost.
    func sendReset() {
        guard !self.isReset else { return }
        self.flight = []
        self.flightBytes = 0
        self.dispatch(.reset)
        self.isReset = true
    }

    private func dispatch(_ parcel: Parcel) {
        guard !self.isReset else { return }
        self.flight.append(parcel)
        let arrival = self.network.world.now.advanced(byNanoseconds: self.network.nextDelay())
        self.lastArrival = max(self.lastArrival, arrival)
        self.receiverLoop.plan(at: self.lastArrival) { self.arrive() }
    }

    // MARK: The receiver's side

    private func arrive() {
        // A reset has taken the place of what was on its way.
        guard !self.flight.isEmpty, !self.isBroken else { return }
        switch self.flight.removeFirst() {
        case .bytes(let bytes):
            self.flightBytes -= bytes.count
            // Nobody is there to read: the sender is told.
            guard !self.receiverIsGone else { return self.refuse() }
            self.arrived.append(contentsOf: bytes)
        case .end: self.hasEnded = true
        case .reset: self.isBroken = true
        }
        guard !self.receiverIsGone else { return }
        self.receiver?.somethingArrived()
    }

    private func refuse() {
        guard let sender = self.sender, !sender.isClosed else { return }
        sender.inbound?.sendReset()
    }

    /// Takes the first `count` bytes out, and lets the sender know that there is room.
    func read(_ count: Int) -> [UInt8] {
        let bytes = [UInt8](self.arrived.prefix(count))
        self.arrived = self.arrived.dropFirst(count)
        if self.arrived.isEmpty { self.arrived = [] }
        self.wakeSender()
        return bytes
    }

    private func wakeSender() {
        guard !self.isWakingSender, let sender = self.sender, !sender.isClosed else { return }
        self.isWakingSender = true
        let time = self.network.world.now.advanced(byNanoseconds: self.network.nextDelay())
        sender.loop.plan(at: time) { [weak sender] in
            self.isWakingSender = false
            sender?.roomWasMade()
        }
    }

    /// The receiver has closed. What it left unread, and what comes from now on, breaks the connection.
    func receiverHasClosed() {
        self.receiverIsGone = true
        self.arrived = []
    }
}
