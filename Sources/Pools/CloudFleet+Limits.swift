import Addresses
import Primitives

extension CloudFleet {
    /// An instance that is listed no more.
    public struct Loss: Equatable, Sendable {
        public let id: String
        public let address: SocketAddress?
        /// It was to go.
        public let isExpected: Bool
    }

    /// Fewer are listed than the cloud was told.
    public struct Shortfall: Equatable, Sendable {
        public let wanted: Int
        /// The size that the cloud was told last: more than is wanted where less is wanted since.
        public let told: Int
        public let listed: Int
        /// When the first of those that are missing was ordered.
        public let since: Instant
    }

    public struct Limits: Equatable, Sendable {
        public var startTimeoutNanoseconds: Int64
        public var drainTimeoutNanoseconds: Int64
        /// A ready instance that failed so often in a row is replaced; 0: never.
        public var probeFailures: Int
        public var maxWorkers: Int
        /// There is a command that ends one that is named, and lowers the size by it.
        public var canRetire: Bool

        public init(
            startTimeoutNanoseconds: Int64,
            drainTimeoutNanoseconds: Int64,
            probeFailures: Int,
            maxWorkers: Int,
            canRetire: Bool
        ) {
            self.startTimeoutNanoseconds = startTimeoutNanoseconds
            self.drainTimeoutNanoseconds = drainTimeoutNanoseconds
            self.probeFailures = probeFailures
            self.maxWorkers = maxWorkers
            self.canRetire = canRetire
        }
    }

    /// The commands that may be run now: one that has just failed waits.
    public struct Lanes: Equatable, Sendable {
        public var scale: Bool
        public var retire: Bool

        public init(scale: Bool = true, retire: Bool = true) {
            self.scale = scale
            self.retire = retire
        }
    }
}
