import Admission
import HTTPWire
import Primitives

/// What a client session remembers of the request that it is dealing with.
struct RequestProgress {
    private(set) var isStarted = false
    private(set) var method = Method.get
    private(set) var minorVersion: UInt8 = 1
    private(set) var keepAlive = false
    private(set) var hasBody = false
    private(set) var started = Instant(nanoseconds: 0)

    // The room.
    /// Where the request waits for a place or a pass.
    var gate: RoomGate?
    /// The number with which it stands at the door.
    var doorNumber: Int64?
    /// What the room answered to the request that waited.
    var roomAnswer: RoomAnswer?
    var isAdmitted = false
    /// The room has just let the visitor in.
    var isNewcomer = false
    /// Cookies to set, or clear, with the answer.
    var newPlace: AdmissionToken?
    var newPass: AdmissionToken?
    /// The visitor's number, when the room let the request through.
    var session: (gate: RoomGate, number: Int64)?

    // The worker.
    var pool: WorkerPool?
    var upstream: UpstreamSession?
    var failedWorker: Worker?
    var attempts = 0
    var body: BodyReader?
    var isBodySent = false

    // The answer.
    var hasStartedResponse = false
    /// The answer's end is the connection's.
    var endsWithConnection = false
    var status = 0

    // The input.
    /// Bytes of the request that have been used and not yet been told to the connection.
    var used = 0
    /// The head of a request without a body stays in the input until the answer has come.
    var retainedHeadBytes = 0
    /// That head, of the request before.
    var bytesToSkip = 0

    mutating func start(_ head: borrowing RequestHead, now: Instant) {
        self.isStarted = true
        self.method = head.method
        self.minorVersion = head.minorVersion
        self.keepAlive = head.keepAlive
        self.started = now
        switch head.framing {
        case .none, .length(0): self.hasBody = false
        case .length, .chunked, .untilClose: self.hasBody = true
        }
    }

    mutating func takeUsed() -> Int {
        defer { self.used = 0 }
        return self.used
    }
}
