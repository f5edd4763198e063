"""A Bluetooth service for tests: answers as org.bluez does, with one UART module in the air.

    python fake_bluez.py --port /dev/pts/5 --profile nus --mtu 247

It takes its name on the bus that DBUS_SYSTEM_BUS_ADDRESS names, and joins the module's
characteristics to a serial port, which is a simulated printer's. Commands on stdin: `drop` breaks
the connection, `away` does so and lets nobody connect, `back` ends that.
"""

# The annotations of D-Bus methods are D-Bus signatures, not Python names.
# ruff: noqa: F722, F821, N802

import argparse
import asyncio
import os
import random
import sys
import tty

from dbus_fast import BusType, DBusError, NameFlag, PropertyAccess, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property

READ = PropertyAccess.READ
ADAPTER = "/org/bluez/hci0"
ADDRESS = "C0:FF:EE:00:00:01"
DEVICE = f"{ADAPTER}/dev_{ADDRESS.replace(':', '_')}"


def short(number):
    return f"0000{number:04x}-0000-1000-8000-00805f9b34fb"


# service, the characteristic to write, the one that notifies
MODULES = {
    "nus": [f"6e40000{n}-b5a3-f393-e0a9-e50e24dcca9e" for n in (1, 2, 3)],
    "hm10": [short(0xFFE0), short(0xFFE1), short(0xFFE1)],
    "issc": [
        "49535343-fe7d-4ae5-8fa9-9fafd205e455",
        "49535343-8841-43f4-a8d4-ecbe34729bb3",
        "49535343-1e4d-4bd9-ba61-23c647249616",
    ],
    "none": [short(0x1234), short(0x1235), short(0x1236)],
}
INFORMATION = {
    0x2A29: b"Fake & Sons\0",
    0x2A24: b"UART-1",
    0x2A25: b"0042",
    0x2A26: b"fw 1.2",
    0x2A27: b"hw 3",
    0x2A28: b"sw 4",
    0x2A23: bytes(range(8)),
}


class Adapter(ServiceInterface):
    """The computer's own radio."""

    def __init__(self):
        super().__init__("org.bluez.Adapter1")
        self.discovering = False

    @dbus_property(READ)
    def Address(self) -> "s":
        return "00:11:22:33:44:55"

    @dbus_property(READ)
    def Powered(self) -> "b":
        return True

    @dbus_property(READ)
    def Discovering(self) -> "b":
        return self.discovering

    @dbus_property(READ)
    def Roles(self) -> "as":
        return ["central"]

    @dbus_method()
    def SetDiscoveryFilter(self, wanted: "a{sv}"):
        pass

    @dbus_method()
    def StartDiscovery(self):
        self.discovering = True
        self.emit_properties_changed({"Discovering": True})
        self.task = asyncio.ensure_future(self.advertise())

    async def advertise(self):
        strength = -50
        while self.discovering:
            strength = -50 if strength == -51 else -51
            if not air.away:
                air.device.strength = strength
                air.device.emit_properties_changed({"RSSI": strength})
            await asyncio.sleep(0.02)

    @dbus_method()
    def StopDiscovery(self):
        self.discovering = False
        self.emit_properties_changed({"Discovering": False})

    @dbus_method()
    def RemoveDevice(self, path: "o"):
        pass


class Device(ServiceInterface):
    """The module."""

    def __init__(self, service):
        super().__init__("org.bluez.Device1")
        self.service = service
        self.strength = -50
        self.connected = False

    @dbus_property(READ)
    def Address(self) -> "s":
        return ADDRESS

    @dbus_property(READ)
    def AddressType(self) -> "s":
        return "random"

    @dbus_property(READ)
    def Name(self) -> "s":
        return "Fake printer"

    @dbus_property(READ)
    def Alias(self) -> "s":
        return "Fake printer"

    @dbus_property(READ)
    def Paired(self) -> "b":
        return False

    @dbus_property(READ)
    def RSSI(self) -> "n":
        return self.strength

    @dbus_property(READ)
    def UUIDs(self) -> "as":
        return [self.service]

    @dbus_property(READ)
    def Adapter(self) -> "o":
        return ADAPTER

    @dbus_property(READ)
    def Connected(self) -> "b":
        return self.connected

    @dbus_property(READ)
    def ServicesResolved(self) -> "b":
        return self.connected

    @dbus_method()
    async def Connect(self):
        await asyncio.sleep(0.01)
        if air.away:
            raise DBusError("org.bluez.Error.Failed", "le-connection-abort-by-remote")
        self.connected = True
        self.emit_properties_changed({"Connected": True})
        self.emit_properties_changed({"ServicesResolved": True})

    @dbus_method()
    def Disconnect(self):
        self.drop()

    def drop(self):
        if self.connected:
            self.connected = False
            air.notifying.notifying = False
            self.emit_properties_changed({"ServicesResolved": False, "Connected": False})


class Service(ServiceInterface):
    """A GATT service."""

    def __init__(self, uuid):
        super().__init__("org.bluez.GattService1")
        self.uuid = uuid

    @dbus_property(READ)
    def UUID(self) -> "s":
        return self.uuid

    @dbus_property(READ)
    def Primary(self) -> "b":
        return True

    @dbus_property(READ)
    def Device(self) -> "o":
        return DEVICE


class Characteristic(ServiceInterface):
    """A GATT characteristic."""

    def __init__(self, service, uuid, flags, value=b""):
        super().__init__("org.bluez.GattCharacteristic1")
        self.service, self.uuid, self.flags, self.value = service, uuid, flags, value
        self.notifying = False

    @dbus_property(READ)
    def UUID(self) -> "s":
        return self.uuid

    @dbus_property(READ)
    def Service(self) -> "o":
        return self.service

    @dbus_property(READ)
    def Value(self) -> "ay":
        return self.value

    @dbus_property(READ)
    def Notifying(self) -> "b":
        return self.notifying

    @dbus_property(READ)
    def Flags(self) -> "as":
        return self.flags

    @dbus_property(READ)
    def MTU(self) -> "q":
        return air.options.mtu

    @dbus_method()
    def ReadValue(self, options: "a{sv}") -> "ay":
        return self.value

    @dbus_method()
    def WriteValue(self, value: "ay", options: "a{sv}"):
        kind = options.get("type", Variant("s", "request")).value
        flag = "write-without-response" if kind == "command" else "write"
        if flag not in self.flags:
            raise DBusError("org.bluez.Error.NotSupported", f"no {flag}")
        if len(value) > air.options.mtu - 3:
            raise DBusError("org.bluez.Error.InvalidArguments", "Invalid Length")
        if not air.device.connected:
            raise DBusError("org.bluez.Error.Failed", "Not connected")
        os.write(air.port, bytes(value))

    @dbus_method()
    def StartNotify(self):
        self.notifying = True

    @dbus_method()
    def StopNotify(self):
        self.notifying = False


class Air:
    """Everything there is, and what happens to it."""

    def __init__(self, options):
        self.options = options
        self.away = False
        self.random = random.Random(options.split)
        service, write, notify = MODULES[options.profile]
        self.device = Device(service)
        path = f"{DEVICE}/service0010"
        self.objects = [(path, Service(service))]
        flags = options.flags.split(",")
        if write == notify:
            self.notifying = Characteristic(path, write, ["read", *flags, "notify"])
        else:
            self.notifying = Characteristic(path, notify, ["notify"])
            self.objects.append((f"{path}/char0011", Characteristic(path, write, flags)))
        self.objects.append((f"{path}/char0013", self.notifying))
        if options.information:
            self.add_information()

    def add_information(self):
        path = f"{DEVICE}/service0030"
        self.objects.append((path, Service(short(0x180A))))
        for number, (uuid, value) in enumerate(INFORMATION.items(), 0x31):
            one = Characteristic(path, short(uuid), ["read"], value)
            self.objects.append((f"{path}/char{number:04x}", one))

    async def run(self):
        self.port = os.open(self.options.port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self.port)
        self.bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
        self.bus.export(ADAPTER, Adapter())
        self.bus.export(DEVICE, self.device)
        for path, one in self.objects:
            self.bus.export(path, one)
        loop = asyncio.get_running_loop()
        loop.add_reader(self.port, self.say)
        loop.add_reader(sys.stdin.fileno(), self.listen)
        await self.bus.request_name("org.bluez", NameFlag.DO_NOT_QUEUE)
        print("ready", flush=True)
        await self.bus.wait_for_disconnect()

    def say(self):
        """Notify what the printer said, in pieces that fit or in any pieces at all."""
        try:
            data = os.read(self.port, 4096)
        except OSError:
            os._exit(0)
        most = self.options.mtu - 3
        while data and self.notifying.notifying:
            size = self.random.randint(1, most) if self.options.split else most
            self.notifying.value, data = data[:size], data[size:]
            self.notifying.emit_properties_changed({"Value": self.notifying.value})

    def listen(self):
        words = os.read(sys.stdin.fileno(), 100).decode().split()
        if not words:
            os._exit(0)
        for word in words:
            self.away = word == "away" or (self.away and word != "back")
            if word in ("drop", "away"):
                self.device.drop()
            print(word, flush=True)


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", required=True)
    parser.add_argument("--profile", default="nus", choices=MODULES)
    parser.add_argument("--mtu", type=int, default=247)
    parser.add_argument("--flags", default="write,write-without-response")
    parser.add_argument("--split", type=int, default=0)
    parser.add_argument("--information", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    air = Air(options())
    asyncio.run(air.run())
