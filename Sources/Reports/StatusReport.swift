import Foundation

/// What `/status` of the admin listener says: one process of Sluice, now.
///
/// The gateway's and the controller's part stand beside each other in one JSON object, whose keys are in snake case:
/// `rate_milli`. A part that the process does not play is left out.
public struct StatusReport: Codable, Equatable, Sendable {
    /// Host and process id.
    public var process: String
    public var pid: Int32
    /// Configurations read again since the start, by outcome.
    public var reloadsApplied: Int
    public var reloadsRefused: Int
    /// What is not as it should be, each with what to do.
    public var problems: [String]
    /// Empty where nobody listens with TLS.
    public var certificates: [CertificateStatus]
    public var gateway: GatewayStatus?
    public var controller: ControllerStatus?

    public init(
        process: String,
        pid: Int32,
        reloadsApplied: Int,
        reloadsRefused: Int,
        problems: [String] = [],
        certificates: [CertificateStatus] = [],
        gateway: GatewayStatus? = nil,
        controller: ControllerStatus? = nil
    ) {
        self.process = process
        self.pid = pid
        self.reloadsApplied = reloadsApplied
        self.reloadsRefused = reloadsRefused
        self.problems = problems
        self.certificates = certificates
        self.gateway = gateway
        self.controller = controller
    }

    // MARK: JSON

    private enum CodingKeys: String, CodingKey {
        case process, pid, reloadsApplied, reloadsRefused, problems, certificates
        /// Each tells whether a part is there.
        case rooms, pools
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.process = try container.decode(String.self, forKey: .process)
        self.pid = try container.decode(Int32.self, forKey: .pid)
        self.reloadsApplied = try container.decode(Int.self, forKey: .reloadsApplied)
        self.reloadsRefused = try container.decode(Int.self, forKey: .reloadsRefused)
        self.problems = try container.decodeIfPresent([String].self, forKey: .problems) ?? []
        self.certificates = try container.decodeIfPresent([CertificateStatus].self, forKey: .certificates) ?? []
        self.gateway = container.contains(.rooms) ? try GatewayStatus(from: decoder) : nil
        self.controller = container.contains(.pools) ? try ControllerStatus(from: decoder) : nil
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(self.process, forKey: .process)
        try container.encode(self.pid, forKey: .pid)
        try container.encode(self.reloadsApplied, forKey: .reloadsApplied)
        try container.encode(self.reloadsRefused, forKey: .reloadsRefused)
        if !self.problems.isEmpty { try container.encode(self.problems, forKey: .problems) }
        if !self.certificates.isEmpty { try container.encode(self.certificates, forKey: .certificates) }
        try self.gateway?.encode(to: encoder)
        try self.controller?.encode(to: encoder)
    }

    /// Reads what `encoded()` wrote, of this version or another one; unknown keys are passed over.
    public init(json: some Sequence<UInt8>) throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        self = try decoder.decode(Self.self, from: Data(json))
    }

    /// One line of JSON in UTF-8, its keys in alphabetical order.
    public func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self))
    }
}
