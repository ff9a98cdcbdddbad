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

    /// Ready for the next request. References are looked at before they are given up: after a position poll there are
    /// none, and giving up nothing costs a call each.
    mutating func reset() {
        if self.gate != nil { self.gate = nil }
        if self.roomAnswer != nil { self.roomAnswer = nil }
        if self.session != nil { self.session = nil }
        if self.pool != nil { self.pool = nil }
        if self.upstream != nil { self.upstream = nil }
        if self.failedWorker != nil { self.failedWorker = nil }
        self.isStarted = false
        self.doorNumber = nil
        self.isAdmitted = false
        self.isNewcomer = false
        self.newPlace = nil
        self.newPass = nil
        self.attempts = 0
        self.body = nil
        self.isBodySent = false
        self.hasStartedResponse = false
        self.endsWithConnection = false
        self.status = 0
        self.used = 0
        self.retainedHeadBytes = 0
        self.bytesToSkip = 0
    }

    mutating func takeUsed() -> Int {
        defer { self.used = 0 }
        return self.used
    }
}
