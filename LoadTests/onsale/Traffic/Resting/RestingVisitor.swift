import Primitives

/// What a `VisitorMachine` remembers while its visitor waits without a connection, in 56 bytes: a million people who wait
/// are 56 MB. Times are nanoseconds from the start of the run.
///
/// The machine itself makes one and is made from one; what does not fit is not packed, and stays a machine.
struct RestingVisitor: Equatable, Sendable {
    /// Stands for a time that is not known.
    private static let never = Int64.min

    var pausedUntil: Int64 = 0
    private var joined = Self.never
    private var admitted = Self.never
    private var leaves = Self.never
    /// 0: none was told.
    var placeNumber: UInt32 = 0
    var requestsSent: UInt32 = 0
    var pauses: UInt32 = 0
    var requestsDone: UInt16 = 0
    var retries: UInt8 = 0
    var isInside = false
    var connectionWasUsed = false
    var goesOn = false
    /// False: nobody rests here.
    var isSomebody = false

    var joinedAt: Int64? {
        get { Self.known(self.joined) }
        set { self.joined = newValue ?? Self.never }
    }
    var admittedAt: Int64? {
        get { Self.known(self.admitted) }
        set { self.admitted = newValue ?? Self.never }
    }
    var leavesAt: Int64? {
        get { Self.known(self.leaves) }
        set { self.leaves = newValue ?? Self.never }
    }

    private static func known(_ time: Int64) -> Int64? { time == Self.never ? nil : time }
}
